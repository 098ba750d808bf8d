// `node test/bench/egress.mjs`: POSTs of the hook client against bare undici POSTs of the same bytes, 64 connections
// each, to one receiver process. Rounds alternate, so that a busy machine hits both alike; the median ratio counts.
import { cpus } from 'node:os';
import { HookClient } from '@hookcast/egress';
import { Pool } from 'undici';
import { orderEvent, rate, round, startReceiver } from './rig.mjs';

const total = Number(process.argv[2] ?? 20_000);
const rounds = Number(process.argv[3] ?? 7);
const width = 64;

const receiver = await startReceiver();
const { origin, pathname: path } = new URL(receiver.url);
const body = Buffer.from(JSON.stringify(orderEvent(1)));
const headers = {
  'content-type': 'application/cloudevents+json; charset=utf-8',
  'webhook-id': '0'.repeat(36),
  'webhook-timestamp': '1764000000',
  'webhook-signature': `v1,${'A'.repeat(44)}`,
  'user-agent': 'Hookcast/0',
  'hookcast-topic': 'bench.egress',
  'hookcast-subscription': 'bench',
  'hookcast-attempt': '1',
};

const bare = new Pool(origin, { connections: width });
const client = new HookClient({ policy: { allow: ['127.0.0.0/8'] }, connectionsPerOrigin: width });

const postBare = async () => {
  const response = await bare.request({ path, method: 'POST', headers, body });
  await response.body.dump();
};
const postHook = async () => {
  const response = await client.post({ url: receiver.url, headers, body, timeoutMs: 15_000 });
  if (response.kind !== 'answered') throw new Error(`${response.error}: ${response.log}`);
};

const cpu = async (work) => {
  const before = process.cpuUsage();
  const perSecond = await rate(total, width, work);
  const { user, system } = process.cpuUsage(before);
  return { perSecond, microseconds: (user + system) / total };
};

await rate(total / 2, width, postBare);
await rate(total / 2, width, postHook);
const ratios = [];
for (let index = 0; index < rounds; index += 1) {
  const [first, second] = index % 2 === 0 ? [postBare, postHook] : [postHook, postBare];
  const results = new Map([[first, await cpu(first)]]);
  results.set(second, await cpu(second));
  const [plain, hook] = [results.get(postBare), results.get(postHook)];
  ratios.push(hook.perSecond / plain.perSecond);
  console.log(
    `bare ${round(plain.perSecond)}/s (${round(plain.microseconds, 1)} µs cpu), hook client ${round(hook.perSecond)}/s (${round(hook.microseconds, 1)} µs cpu), ratio ${round(ratios.at(-1), 2)}`,
  );
}
ratios.sort((a, b) => a - b);
console.log(`${cpus().length} cores, Node ${process.version}: median ratio ${round(ratios[rounds >> 1], 2)}`);
await bare.close();
await client.close();
receiver.stop();
