import { createHmac } from 'node:crypto';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { adminKey, brokerProcess, freePort, type BrokerProcess } from '../support/broker.js';
import { until } from '../support/until.js';
import { compiled, nestFolder, run } from './packed.js';

let broker: BrokerProcess;
beforeAll(async () => {
  broker = await brokerProcess();
  await broker.start();
});
afterAll(async () => broker.remove());

const githubSecret = 'a secret that GitHub knows';

/** The application as a process of its own; what it prints is its lines. */
async function started(program: string, adapter: string) {
  const port = await freePort();
  const child = fork(program, {
    silent: true,
    execArgv: [],
    env: {
      PATH: process.env['PATH'],
      HOOKCAST_URL: broker.url,
      HOOKCAST_API_KEY: adminKey,
      GITHUB_SECRET: githubSecret,
      PORT: String(port),
      ADAPTER: adapter,
      NO_COLOR: '1',
    },
  });
  const exited = once(child, 'exit');
  let lines = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (lines += chunk.toString()));
  const printed = async (text: string) => {
    const seen = () => lines.includes(text) || child.exitCode !== null;
    await until(seen, { what: `"${text}"`, timeoutMs: 30_000 }).catch(() => {});
    expect(lines).toContain(text);
  };
  return { child, exited, printed, lines: () => lines, url: `http://127.0.0.1:${port}` };
}

const post = (url: string, body: string, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

describe.each([
  ['10.0', 'commonjs', ['express', 'fastify']],
  ['10', 'commonjs', ['express', 'fastify']],
  ['11', 'commonjs', ['express', 'fastify']],
  ['12', 'commonjs', ['express', 'fastify']],
  ['12', 'module', ['express']],
] as const)('an application on Nest %s, compiled to %s', (version, type, adapters) => {
  let program = '';
  beforeAll(async () => {
    program = await compiled(await nestFolder(version), type);
  }, 240_000);

  test('is tested without a broker, in testing modules and without a server', async () => {
    expect(await run(process.execPath, [join(program, 'testing.js')], program)).toBe(
      ['express answered 204', 'fastify answered 204', 'no server answered 204', 'packed 3', ''].join('\n'),
    );
  });

  test.each(adapters)('publishes, registers, handles and retries with the packed SDKs on %s', async (adapter) => {
    const app = await started(join(program, 'main.js'), adapter);
    const order = (id: string) => `${id}-${version}-${type}-${adapter}`;
    try {
      for (const text of ['billing is registered', 'audit is registered', 'listens']) await app.printed(text);
      for (const id of ['now', 'later']) {
        const placed = await post(`${app.url}/orders`, JSON.stringify({ orderId: order(id) }));
        expect(await placed.json()).toMatchObject({ id: order(id), topic: 'nest.orders.created', duplicate: false });
      }
      await app.printed(`charged ${order('now')} at attempt 1`);
      await app.printed(`charged ${order('later')} at attempt 2`);
      for (const id of ['now', 'later']) {
        await app.printed(`thanked for ${order(id)} of nest.orders.created`);
        await app.printed(`noted nest.payments.captured paid-${order(id)}: 42 for ${order(id)}`);
      }
      expect(app.lines()).not.toMatch(/WARN|ERROR/);
      await takesFromGitHub(app.url, app.printed);
    } finally {
      app.child.kill('SIGTERM');
    }
    await app.exited;
    expect(app.lines()).toContain('closed by SIGTERM');
  });
});

async function takesFromGitHub(url: string, printed: (text: string) => Promise<unknown>): Promise<void> {
  const body = '{"zen":"Keep it logically awesome."}';
  const signature = `sha256=${createHmac('sha256', githubSecret).update(body).digest('hex')}`;
  const headers = { 'x-github-event': 'push', 'x-github-delivery': 'd-1' };
  expect((await post(`${url}/github`, body, { ...headers, 'x-hub-signature-256': 'sha256=00' })).status).toBe(401);
  expect((await post(`${url}/github`, body, { ...headers, 'x-hub-signature-256': signature })).status).toBe(200);
  await printed('took push from GitHub');
}

test('a client made by ESM emits a record made by CommonJS', async () => {
  const folder = await nestFolder('12');
  const program = join(folder, 'build/record.mjs');
  cpSync(fileURLToPath(new URL('./consumer/record.mjs', import.meta.url)), program);
  const settings = { HOOKCAST_URL: broker.url, HOOKCAST_API_KEY: adminKey };
  expect(await run(process.execPath, [program], folder, settings)).toBe('record-1\n');
});
