import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnsealError, Vault } from '../../apps/broker/src/auth/vault.js';
import { refuseForeignKey } from '../../apps/broker/src/startup/key-check.js';
import { testBroker, type TestBroker } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { hookServer, type HookServer } from '../support/hook-server.js';

const program = fileURLToPath(new URL('../../apps/broker/dist/rotate-key.js', import.meta.url));
const [oldKey, newKey] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];

let database: TestDatabase;
let hooks: HookServer;
const open: TestBroker[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  hooks = await hookServer();
});
afterEach(async () => {
  for (const broker of open.splice(0)) await broker.close();
});
afterAll(async () => {
  await hooks?.close();
  await database?.drop();
});

async function brokerWith(current: string, previous = ''): Promise<TestBroker> {
  const settings = { HOOKCAST_ENCRYPTION_KEY: current, HOOKCAST_ENCRYPTION_KEY_PREVIOUS: previous };
  const broker = await testBroker({ database, settings });
  open.push(broker);
  return broker;
}

function rotate(env: Record<string, string>) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], {
    env: { PATH: process.env['PATH'], DATABASE_URL: database.url, ...env },
    encoding: 'utf8',
  });
  const done = stdout.split('\n').find((line) => line.includes('key-rotation.done'));
  return { status, stdout, stderr, counts: done === undefined ? undefined : (JSON.parse(done) as object) };
}

const names = ['one', 'two', 'three'];
const secretsOf = async (broker: TestBroker) => {
  const answers = await Promise.all(
    names.map(async (name) => broker.call<{ secret: string }>('PUT', `/v1/subscriptions/${name}`, declared(name))),
  );
  return answers.map(({ status, body }) => [status, body.secret]);
};
const declared = (name: string) => ({
  topics: [`${name}.x`],
  url: hooks.url,
  auth: { type: 'bearer', token: `token-of-${name}` },
});

test('a key that opens nothing is found without any subscription, and a damaged row is no such key', async () => {
  const broker = await brokerWith(oldKey);
  const vaultOf = (key: string) => new Vault({ current: Buffer.from(key, 'base64'), others: [] });
  await database.pool.query('delete from signing_keys');
  await expect(refuseForeignKey(database.pool, vaultOf(newKey))).resolves.toBeUndefined();
  await broker.call('PUT', '/v1/sources/sealed', {
    sender: 'github',
    topic: 'sealed.{type}',
    secrets: ['geheim-geheim'],
  });
  await expect(refuseForeignKey(database.pool, vaultOf(newKey))).rejects.toThrow(UnsealError);
  await database.pool.query(`update sources set tokens = jsonb_set(tokens, '{0,sealed}', '"v2.damaged."')`);
  await expect(refuseForeignKey(database.pool, vaultOf(oldKey))).resolves.toBeUndefined();
  await broker.call('DELETE', '/v1/sources/sealed');
});

test('the key of a running bus is replaced without losing a secret', async () => {
  const before = await brokerWith(oldKey);
  const secrets = (await secretsOf(before)).map(([, secret]) => secret);
  const signingKeys = async (broker: TestBroker) => {
    const { body } = await broker.call<{ keys: { kid: string }[] }>('GET', '/.well-known/hookcast-keys.json');
    return body.keys;
  };
  const published = await signingKeys(before);
  const source = await before.call<{ url: string }>('PUT', '/v1/sources/gh', { sender: 'github', secret: 'gh-geheim' });
  expect(source.status).toBe(201);

  // Both keys open while it lasts. What signs and is published stays the same.
  const between = await brokerWith(newKey, oldKey);
  expect(await secretsOf(between)).toEqual(secrets.map((secret) => [200, secret]));
  expect(await signingKeys(between)).toEqual(published);
  await between.call('PUT', '/v1/subscriptions/late', { ...declared('late'), signature: 'ed25519' });
  await between.call('POST', '/v1/subscriptions/late/test', {});
  expect(String(hooks.requests.at(-1)?.headers['webhook-signature']).match(/v1a,/g)).toHaveLength(1);

  const first = rotate({ HOOKCAST_ENCRYPTION_KEY: newKey, HOOKCAST_ENCRYPTION_KEY_PREVIOUS: oldKey });
  // Three with a secret and a token each, the source with a token and a secret, the key that signs; `late` was sealed
  // with the new key.
  expect(first).toMatchObject({ status: 0, counts: { resealed: 9, current: 11, unreadable: 0 } });
  const second = rotate({ HOOKCAST_ENCRYPTION_KEY: newKey, HOOKCAST_ENCRYPTION_KEY_PREVIOUS: oldKey });
  expect(second).toMatchObject({ status: 0, counts: { resealed: 0, current: 11, unreadable: 0 } });

  const after = await brokerWith(newKey);
  expect(await signingKeys(after)).toEqual(published);
  expect(await secretsOf(after)).toEqual(secrets.map((secret) => [200, secret]));
  await after.call('POST', '/v1/subscriptions/two/test', {});
  expect(hooks.requests.at(-1)?.headers.authorization).toBe('Bearer token-of-two');
  expect((await after.call<{ url: string }>('GET', '/v1/sources/gh')).body.url).toBe(source.body.url);
  expect(first.stdout).not.toMatch(/geheim|token-of|whsec_/);
});

test('what neither key opens is left alone and told', async () => {
  const other = randomBytes(32).toString('base64');
  const wrong = rotate({ HOOKCAST_ENCRYPTION_KEY: other, HOOKCAST_ENCRYPTION_KEY_PREVIOUS: oldKey });
  expect(wrong).toMatchObject({ status: 1, counts: { resealed: 0, unreadable: 11 } });
  expect(await secretsOf(await brokerWith(newKey))).toHaveLength(3);
});

test.each([
  [{ HOOKCAST_ENCRYPTION_KEY: newKey }, 'HOOKCAST_ENCRYPTION_KEY_PREVIOUS must be the key that is to be replaced'],
  [{}, 'HOOKCAST_ENCRYPTION_KEY must be set'],
  [
    { HOOKCAST_ENCRYPTION_KEY: Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64') },
    'HOOKCAST_ENCRYPTION_KEY must be random: this one is an example',
  ],
])('with %j it does nothing and says what is missing', (env, reason) => {
  const { status, stderr } = rotate(env);
  expect(status).toBe(1);
  expect(stderr).toContain(reason);
});

test('the generated key of an embedded database is replaced in its file', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hookcast-rotate-'));
  try {
    const key = randomBytes(32).toString('base64');
    fs.writeFileSync(path.join(folder, 'encryption.key'), `${key}\n`, { mode: 0o600 });
    const { status } = rotate({ DATABASE_URL: '', HOOKCAST_DATA_DIR: folder });
    // An embedded database that was never used has no tables: nothing is done, and both keys are kept.
    expect(status).not.toBe(0);
    expect(fs.readFileSync(path.join(folder, 'encryption.key.previous'), 'utf8').trim()).toBe(key);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
