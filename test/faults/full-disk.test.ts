import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adminKey, brokerProcess, type BrokerProcess } from '../support/broker.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

const mebibyte = 1024 * 1024;
const patienceMs = 120_000;

/** A disk of its own needs leave to mount one: as root, in most containers. */
const folder = mkdtempSync(join(tmpdir(), 'hookcast-disk-'));
const mount = (options: string) => spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).status === 0;
const canMount = mount('size=300m,mode=755');

let broker: BrokerProcess | undefined;
let hook: HookServer | undefined;
afterEach(async () => {
  await broker?.remove();
  await hook?.close();
  broker = undefined;
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
});
afterAll(() => {
  if (canMount) spawnSync('umount', ['-l', folder]);
  rmSync(folder, { recursive: true, force: true });
});

async function start(name: string, minFree: number): Promise<{ url: string; dataDir: string }> {
  hook = await hookServer();
  const dataDir = join(folder, name);
  broker = await brokerProcess({
    HOOKCAST_DATA_DIR: dataDir,
    HOOKCAST_DISK_MIN_FREE_BYTES: String(minFree),
    HOOKCAST_EGRESS_ALLOW: '127.0.0.0/8',
  });
  await broker.start();
  await broker.api('PUT', '/v1/subscriptions/all', { topics: ['fill'], url: hook.url });
  await broker.api('POST', '/v1/subscriptions/all/pause');
  return { url: broker.url, dataDir };
}

/** Publishes one event of 200 kB after the other until it is refused; notes the fingerprint of what was taken. */
async function fill(url: string, taken: Map<string, string>): Promise<{ status: number; code: string }> {
  for (;;) {
    const data = randomBytes(200_000);
    const id = `event-${taken.size}`;
    const answer = await publish(url, id, data);
    if (!answer.ok) return { status: answer.status, code: ((await answer.json()) as { code: string }).code };
    taken.set(id, fingerprint(data));
  }
}

const fingerprint = (data: Buffer) => createHash('sha256').update(data).digest('hex');

const publish = async (url: string, id: string, body: Buffer) =>
  fetch(`${url}/v1/topics/fill/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/octet-stream', 'idempotency-key': id },
    body: Uint8Array.from(body),
  });

/** Sends all that waits, and holds it against what was taken. */
async function expectDelivered(taken: ReadonlyMap<string, string>): Promise<void> {
  await broker?.api('POST', '/v1/subscriptions/all/resume');
  const requests = hook?.requests ?? [];
  const ids = () => new Set(requests.map(({ headers }) => String(headers['webhook-id'])));
  const isAllThere = () => [...taken.keys()].every((id) => ids().has(id));
  await until(isAllThere, { timeoutMs: patienceMs, what: 'everything to arrive' });
  for (const { headers, body } of requests) {
    const data = (JSON.parse(body.toString()) as { data_base64: string }).data_base64;
    const id = String(headers['webhook-id']);
    if (taken.has(id)) expect(fingerprint(Buffer.from(data, 'base64'))).toBe(taken.get(id));
  }
}

const free = () => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

const serverSaid = (dataDir: string) =>
  readdirSync(dataDir)
    .filter((name) => name.endsWith('.log'))
    .map((name) => readFileSync(join(dataDir, name), 'utf8'))
    .join('\n');

describe.skipIf(!canMount)('a disk that fills up (skipped where this process may not mount one)', () => {
  test('publishes are refused before it is full, and deliveries go on', { timeout: 300_000 }, async () => {
    const { url, dataDir } = await start('guarded', 100 * mebibyte);
    const taken = new Map<string, string>();
    expect(await fill(url, taken)).toEqual({ status: 503, code: 'storage-full' });
    expect(taken.size).toBeGreaterThan(20);
    expect(free()).toBeGreaterThan(50 * mebibyte);
    await expectDelivered(taken);
    expect(serverSaid(dataDir)).not.toContain('No space left');
  });

  test.runIf(process.env['FAULTS_MINUTES'] !== undefined)(
    'without that guard it costs time and no event',
    { timeout: 300_000 },
    async () => {
      const { url, dataDir } = await start('unguarded', 0);
      const taken = new Map<string, string>();
      expect((await fill(url, taken)).status).toBe(503);
      expect(serverSaid(dataDir)).toContain('No space left');
      // Whether the server stays up depends on what met the end of the disk first: a table or its log.
      for (let again = 0; again < 10; again += 1)
        expect((await publish(url, `refused-${again}`, Buffer.from('small'))).status).toBe(503);
      const before = free();
      expect(mount('remount,size=1200m')).toBe(true);
      const since = performance.now();
      await until(async () => (await publish(url, 'afterwards', Buffer.from('small'))).ok, {
        timeoutMs: patienceMs,
        what: 'publishes to be taken again',
      });
      taken.set('afterwards', fingerprint(Buffer.from('small')));
      await expectDelivered(taken);
      const recoveryMs = Math.round(performance.now() - since);
      console.log(`full disk: ${taken.size} events taken, ${before} bytes were free, recoveryMs ${recoveryMs}`);
    },
  );
});
