// `node test/bench/sources.mjs [requests]`: inbound webhooks of 1 KB, signed as GitHub signs, each stored durably before its
// answer. Prints requests a second with 64 connections, the ratio to bare POSTs of the same bytes in the same run, and the
// broker's CPU time for a request, which a busy machine changes less than the rate.
import { createHmac, randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Pool } from 'undici';
import { barePosts, percentile, rate, round, startReceiver, startRig } from './rig.mjs';

const total = Number(process.argv[2] ?? 60_000);
const connections = Number(process.env.BENCH_CONNECTIONS ?? 64);
const secret = randomBytes(24).toString('hex');
const rig = await startRig();
const receiver = await startReceiver();

const body = JSON.stringify({ action: 'opened', note: '' });
const payload = body.replace('""', `"${'x'.repeat(1024 - body.length)}"`);
const signed = {
  'content-type': 'application/json',
  'x-github-event': 'issues',
  'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(payload).digest('hex')}`,
};

try {
  const source = await rig.api('PUT', '/v1/sources/bench', { sender: 'github', secret, topic: 'bench.source' });
  const { pathname } = new URL(source.url);
  const client = new Pool(rig.url, { connections });
  const durations = [];
  let delivery = 0;
  const deliver = (count) =>
    rate(count, connections, async () => {
      const began = performance.now();
      const headers = { ...signed, 'x-github-delivery': `bench-${(delivery += 1)}` };
      const response = await client.request({ path: pathname, method: 'POST', headers, body: payload });
      await response.body.dump();
      if (response.statusCode !== 200) throw new Error(`the source answered ${response.statusCode}`);
      durations.push(performance.now() - began);
    });
  await deliver(Math.ceil(total / 4));
  durations.length = 0;
  const cpuBefore = rig.cpuMs();
  const perSecond = await deliver(total);
  const cpuAfter = rig.cpuMs();
  await client.close();
  const bare = await barePosts(receiver.url, Math.ceil(total / 4), signed, payload);
  const { rows } = await rig.pool.query(
    `select sum(s.head_seq)::int as stored from streams s join topics t on t.id = s.topic_id where t.name = 'bench.source'`,
  );
  if (rows[0].stored !== delivery) throw new Error(`${delivery} were answered and ${rows[0].stored} stored`);
  durations.sort((a, b) => a - b);
  const figures = {
    perSecond: round(perSecond),
    bare: round(bare),
    ratio: round(perSecond / bare, 2),
    ...(cpuBefore !== undefined && { brokerCpuUs: round(((cpuAfter - cpuBefore) * 1000) / total) }),
    p50Ms: round(percentile(durations, 0.5), 1),
    p99Ms: round(percentile(durations, 0.99), 1),
  };
  console.log(`inbound webhooks of 1 KB, stored before the answer: ${JSON.stringify(figures)} >= 5,000/s`);
} finally {
  receiver.stop();
  await rig.stop();
}
