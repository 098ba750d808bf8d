import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { adminKey, encryptionKey } from '../support/app.js';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.js';
import { hookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

const program = fileURLToPath(new URL('../../apps/broker/dist/main.js', import.meta.url));

interface Program {
  child: ChildProcess;
  output(): string;
  /** The URL it serves at, once it is ready. */
  ready(): Promise<string>;
  exit(): Promise<number | null>;
}

// Each test starts processes, of which one alone takes seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let database: TestDatabase;
const started: ChildProcess[] = [];

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hookcast-process-'));
  fs.chmodSync(folder, 0o755);
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});
afterAll(async () => {
  vi.resetConfig();
  await database?.drop();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** The built program, as an operator starts it, with nothing of our own environment. */
function start(settings: Record<string, string>): Program {
  const child = spawn(process.execPath, [program], { env: { PATH: process.env['PATH'], PORT: '0', ...settings } });
  started.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'exit');
  return {
    child,
    output: () => output,
    ready: async () => {
      const line = await until(
        () => {
          if (child.exitCode !== null) throw new Error(output);
          return /"api":"([^"]+)\/v1"/.exec(output)?.[1];
        },
        { timeoutMs: 60_000, what: 'the broker' },
      );
      return line;
    },
    exit: async () => {
      await exited;
      return child.exitCode;
    },
  };
}

const onDatabase = (more: Record<string, string> = {}) => ({
  DATABASE_URL: database.url,
  HOOKCAST_ADMIN_KEY: adminKey,
  HOOKCAST_ENCRYPTION_KEY: encryptionKey.toString('base64'),
  HOOKCAST_EGRESS_ALLOW: '127.0.0.0/8',
  HOOKCAST_UNSAFE_ALLOW_FSYNC_OFF: 'true',
  ...more,
});

const call = async (url: string, method: string, target: string, body?: unknown) => {
  const response = await fetch(`${url}${target}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    // A connection that was on its way to a killed process may never be answered.
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

test('bad settings stop the start, and all of them are named', async () => {
  const broker = start({ PORT: 'eighty', HOOKCAST_ROLE: 'boss', HOOKCAST_ADMIN_KEY: 'hunter2', DATABASE_URL: 'x' });
  expect(await broker.exit()).toBe(1);
  for (const name of ['PORT', 'HOOKCAST_ROLE', 'HOOKCAST_ADMIN_KEY', 'DATABASE_URL', 'HOOKCAST_ENCRYPTION_KEY']) {
    expect(broker.output()).toContain(`  - ${name} must`);
  }
  expect(broker.output()).not.toContain('hunter2');
});

test('a data dir that is a file is said in a line, and a misspelt setting before it', async () => {
  const file = path.join(folder, 'a-file');
  fs.writeFileSync(file, '');
  const broker = start({ HOOKCAST_DATA_DIR: file, HOOKCAST_RETENTION_DAY: '3' });
  expect(await broker.exit()).toBe(1);
  expect(broker.output()).toContain('"variable":"HOOKCAST_RETENTION_DAY","nearest":"HOOKCAST_RETENTION_DAYS"');
  expect(broker.output()).toContain(`hookcast cannot start: ${file}/admin.key cannot be written`);
  expect(broker.output()).not.toMatch(/^ +at /m);
});

test('a busy port is said in words', async () => {
  const busy = createServer().listen(0, '127.0.0.1');
  await once(busy, 'listening');
  const { port } = busy.address() as AddressInfo;
  const broker = start(onDatabase({ PORT: String(port) }));
  expect(await broker.exit()).toBe(1);
  expect(broker.output()).toContain(`hookcast cannot start: Port ${port} on 127.0.0.1 is in use.`);
  busy.close();
});

test('a server without fsync is refused unless it is asked for', async () => {
  const broker = start(onDatabase({ HOOKCAST_UNSAFE_ALLOW_FSYNC_OFF: 'false' }));
  expect(await broker.exit()).toBe(1);
  expect(broker.output()).toMatch(/hookcast cannot start: The database cannot be used\. fsync is off/);
});

test('an encryption key that is not the one of the database is refused', async () => {
  const broker = start(onDatabase());
  const url = await broker.ready();
  await call(url, 'PUT', '/v1/subscriptions/sealed', { topics: ['sealed'], url: 'http://127.0.0.1:3000/' });
  broker.child.kill('SIGTERM');
  expect(await broker.exit()).toBe(0);
  const other = start(
    onDatabase({ HOOKCAST_ENCRYPTION_KEY: Buffer.from(encryptionKey.toReversed()).toString('base64') }),
  );
  expect(await other.exit()).toBe(1);
  expect(other.output()).toContain('HOOKCAST_ENCRYPTION_KEY is not the key');
});

test('an empty database is migrated, and a generated key is named by its file and never shown', async () => {
  const empty = await createEmptyDatabase();
  const dataDir = path.join(folder, 'generated');
  const { HOOKCAST_ADMIN_KEY: _, ...settings } = onDatabase({ DATABASE_URL: empty.url, HOOKCAST_DATA_DIR: dataDir });
  const broker = start(settings);
  const url = await broker.ready();
  const file = path.join(dataDir, 'admin.key');
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  const key = fs.readFileSync(file, 'utf8').trim();
  expect(key.length).toBeGreaterThanOrEqual(32);
  expect(broker.output()).toContain(file);
  expect(broker.output()).not.toContain(key);
  const answer = await fetch(`${url}/v1/topics`, { headers: { authorization: `Bearer ${key}` } });
  expect(answer.status).toBe(200);
  broker.child.kill('SIGTERM');
  expect(await broker.exit()).toBe(0);
  fs.chmodSync(file, 0o644);
  const exposed = start(settings);
  expect(await exposed.exit()).toBe(1);
  expect(exposed.output()).toContain('can be read by others');
  await empty.drop();
});

/** Reads a stream of events as it comes; `ended` fails when it is cut off in place of being closed. */
function follow({ body }: Response): { text: () => string; ended: Promise<void> } {
  let text = '';
  const read = async () => {
    if (!body) return;
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) text += chunk;
  };
  return { text: () => text, ended: read() };
}

test('SIGTERM finishes what is in flight and exits with 0', async () => {
  const hooks = await hookServer();
  hooks.respondWith(() => ({ status: 204, delayMs: 1_000 }));
  const broker = start(onDatabase());
  const url = await broker.ready();
  await call(url, 'PUT', '/v1/subscriptions/slow', { topics: ['slow'], url: hooks.url });
  const stream = await fetch(`${url}/v1/topics/slow/stream`, { headers: { authorization: `Bearer ${adminKey}` } });
  const { body } = await call(url, 'POST', '/v1/topics/slow/events', { a: 1 });
  const followed = follow(stream);
  await until(() => hooks.requests.length === 1, { what: 'the attempt in flight' });
  // The stream is told of it by the same notification, but not at the same moment.
  await until(() => followed.text().includes('"data":{"a":1}'), { what: 'the event on the stream' });
  broker.child.kill('SIGTERM');
  expect(await broker.exit()).toBe(0);
  expect(broker.output()).toContain('broker.stopped');
  await followed.ended;

  const again = start(onDatabase());
  const { body: shown } = await call(await again.ready(), 'GET', `/v1/events/${String(body['id'])}`);
  expect(shown['deliveries']).toMatchObject([{ status: null }, { status: 'delivered', attemptCount: 1 }]);
  expect(hooks.requests).toHaveLength(1);
  await hooks.close();
});

test('a connection that never said anything does not hold up a stop', async () => {
  const broker = start(onDatabase({ HOOKCAST_MAX_HOOK_TIMEOUT_MS: '30000' }));
  const { hostname, port } = new URL(await broker.ready());
  const silent = connect(Number(port), hostname);
  await once(silent, 'connect');
  // Its server side is accepted before the next request is answered.
  await fetch(`${await broker.ready()}/health/live`);
  const began = Date.now();
  broker.child.kill('SIGTERM');
  expect(await broker.exit()).toBe(0);
  // A stop that waits for it takes the 30 s that hooks have, and more.
  expect(Date.now() - began).toBeLessThan(25_000);
  silent.destroy();
});

test('clients that stall in the middle of a request do not hold up a stop, and one that ends it is answered', async () => {
  const broker = start(onDatabase({ HOOKCAST_MAX_HOOK_TIMEOUT_MS: '30000' }));
  const url = await broker.ready();
  const { hostname, port } = new URL(url);
  const head = (length: number) =>
    [
      'POST /v1/topics/stalled/events HTTP/1.1',
      `host: ${hostname}`,
      `authorization: Bearer ${adminKey}`,
      'content-type: application/json',
      `content-length: ${length}`,
    ].join('\r\n');
  const began = Date.now();
  const open = async (text: string) => {
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    // A reset is how some of them end.
    socket.on('error', () => {});
    // Not `once` of node:events, which rejects at a reset.
    const closed = new Promise<{ answer: string }>((resolve) => socket.on('close', () => resolve({ answer })));
    await once(socket, 'connect');
    socket.write(text);
    return { socket, closed };
  };
  const midHead = await open('POST /v1/topics/stalled/events HTTP/1.1\r\nhost: x\r\n');
  const midBody = await open(`${head(100)}\r\n\r\n{"half":`);
  const trickling = await open(`${head(100_000)}\r\n\r\n{`);
  const finishing = await open(`${head(9)}\r\n\r\n{"a":`);
  // What they have sent so far is read before the next request is answered.
  await fetch(`${url}/health/live`);
  const drops = setInterval(() => trickling.socket.write(' '), 100);
  broker.child.kill('SIGTERM');
  await until(() => broker.output().includes('broker.stopping'), { what: 'the stop' });
  finishing.socket.write('123}');
  expect(await broker.exit()).toBe(0);
  const stoppedAfterMs = Date.now() - began;
  clearInterval(drops);
  expect((await finishing.closed).answer).toMatch(/^HTTP\/1\.1 201 /);
  for (const { closed } of [midHead, midBody, trickling]) expect((await closed).answer).not.toMatch(/ 201 /);
  expect(stoppedAfterMs).toBeLessThan(25_000);
  expect(broker.output()).toContain('"connections":3');
});

test('a second SIGTERM exits at once', async () => {
  const hooks = await hookServer();
  hooks.respondWith(() => ({ hang: true }));
  const broker = start(onDatabase());
  const url = await broker.ready();
  await call(url, 'PUT', '/v1/subscriptions/hanging', { topics: ['hanging'], url: hooks.url });
  await call(url, 'POST', '/v1/topics/hanging/events', { a: 1 });
  await until(() => hooks.requests.length === 1, { what: 'the attempt in flight' });
  broker.child.kill('SIGTERM');
  await until(() => broker.output().includes('broker.stopping'), { what: 'the stop' });
  await pause(200);
  expect(broker.child.exitCode).toBeNull();
  const began = performance.now();
  broker.child.kill('SIGTERM');
  expect(await broker.exit()).toBe(143);
  expect(performance.now() - began).toBeLessThan(2_000);
  await call(await start(onDatabase()).ready(), 'DELETE', '/v1/subscriptions/hanging').catch(() => {});
  await hooks.close();
});

test('several processes share one port, and one that dies is replaced', async () => {
  const broker = start(onDatabase({ HOOKCAST_PROCESSES: '2' }));
  const url = await broker.ready();
  const workers = async () => {
    const { body } = await call(url, 'GET', '/v1/workers');
    return (body['items'] as { pid: number }[]).map(({ pid }) => pid);
  };
  const pids = await until(
    async () => {
      const found = await workers().catch((): number[] => []);
      return found.length === 2 && found;
    },
    { what: 'two workers' },
  );
  expect(pids).not.toContain(broker.child.pid);
  const [victim] = pids;
  if (victim === undefined) throw new Error('no worker');
  process.kill(victim, 'SIGKILL');
  await until(async () => (await workers().catch(() => [])).some((pid) => !pids.includes(pid)), {
    what: 'the replacement',
  });
  expect((await call(url, 'POST', '/v1/topics/shared/events', { a: 1 })).status).toBe(201);
  // As a terminal does on Ctrl-C: to everybody at once.
  for (const pid of await workers()) if (pid !== victim) process.kill(pid, 'SIGINT');
  broker.child.kill('SIGINT');
  expect(await broker.exit()).toBe(0);
});
