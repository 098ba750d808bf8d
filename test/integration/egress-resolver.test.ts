import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HookClient, SystemResolver, type ResolverOptions } from '@hookcast/egress';
import { hookServer } from '../support/hook-server.js';
import { nameServer, type NameServer, type Zone } from '../support/name-server.js';

const folder = mkdtempSync(join(tmpdir(), 'hookcast-resolver-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const servers: NameServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map(async (server) => server.close()));
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function resolving(zone: Zone, options: ResolverOptions = {}, ttl = 60) {
  const server = await nameServer(zone, ttl);
  servers.push(server);
  const resolver = new SystemResolver({
    servers: [server.address],
    hostsFile: file('hosts', '127.0.0.5 listed.test\n::1 listed.test\n'),
    resolvConf: file('resolv.conf', ''),
    queryTimeoutMs: 200,
    ...options,
  });
  return { resolver, asked: server.asked };
}

const both: Zone = (name, type) =>
  name === 'hook.test' ? (type === 'A' ? ['192.0.2.1'] : ['2001:db8::1']) : 'NXDOMAIN';

test('asks for both families and returns all addresses', async () => {
  const { resolver, asked } = await resolving(both);
  expect((await resolver.resolve('Hook.TEST')).toSorted()).toEqual(['192.0.2.1', '2001:db8::1']);
  expect(asked.toSorted()).toEqual(['A hook.test', 'AAAA hook.test']);
});

test('concurrent lookups share one query, and its answer lasts for its TTL, at most for the limit', async () => {
  let now = 0;
  const { resolver, asked } = await resolving(both, { now: () => now, cacheMs: 5000 });
  await Promise.all(Array.from({ length: 50 }, async () => resolver.resolve('hook.test')));
  expect(asked).toHaveLength(2);
  now = 4900;
  await resolver.resolve('hook.test');
  expect(asked).toHaveLength(2);
  now = 5100;
  await resolver.resolve('hook.test');
  expect(asked).toHaveLength(4);
});

test('a TTL of nothing is not cached', async () => {
  const { resolver, asked } = await resolving(both, {}, 0);
  await resolver.resolve('hook.test');
  await resolver.resolve('hook.test');
  expect(asked).toHaveLength(4);
});

test('an unknown name fails as dns, and is not asked for again within a second', async () => {
  let now = 0;
  const { resolver, asked } = await resolving(both, { now: () => now });
  const failure = { error: 'dns', detail: 'The host name of the hook does not exist.' };
  await expect(resolver.resolve('gone.test')).rejects.toMatchObject(failure);
  await expect(resolver.resolve('gone.test')).rejects.toMatchObject(failure);
  expect(asked).toHaveLength(2);
  now = 1001;
  await expect(resolver.resolve('gone.test')).rejects.toMatchObject(failure);
  expect(asked).toHaveLength(4);
});

test('a broken and a silent name server fail as dns in bounded time', async () => {
  const broken = await resolving(() => 'SERVFAIL');
  await expect(broken.resolver.resolve('hook.test')).rejects.toMatchObject({ error: 'dns' });
  const silent = await resolving(() => 'drop');
  const began = performance.now();
  await expect(silent.resolver.resolve('hook.test')).rejects.toMatchObject({ error: 'dns' });
  expect(performance.now() - began).toBeLessThan(20_000);
});

test('does not wait for a family that the name server drops', async () => {
  const { resolver } = await resolving((_name, type) => (type === 'A' ? ['192.0.2.1'] : 'drop'), {
    queryTimeoutMs: 30_000,
  });
  const began = performance.now();
  expect(await resolver.resolve('hook.test')).toEqual(['192.0.2.1']);
  expect(performance.now() - began).toBeLessThan(20_000);
});

test('localhost and the hosts file need no name server', async () => {
  const { resolver, asked } = await resolving(both);
  expect(await resolver.resolve('localhost')).toEqual(['127.0.0.1', '::1']);
  expect(await resolver.resolve('a.localhost')).toEqual(['127.0.0.1', '::1']);
  expect(await resolver.resolve('listed.test')).toEqual(['127.0.0.5', '::1']);
  expect(asked).toEqual([]);
});

test('a container name is asked for as it stands, or below the search domains where there are some', async () => {
  const zone: Zone = (name, type) =>
    type === 'A' && ['billing', 'billing.shop.svc', 'hook.test'].includes(name) ? ['192.0.2.7'] : 'NXDOMAIN';
  const compose = await resolving(zone);
  expect(await compose.resolver.resolve('billing')).toEqual(['192.0.2.7']);
  expect(compose.asked.toSorted()).toEqual(['A billing', 'AAAA billing']);

  const cluster = await resolving(zone, { resolvConf: file('cluster', 'search shop.svc svc\noptions ndots:5\n') });
  expect(await cluster.resolver.resolve('billing')).toEqual(['192.0.2.7']);
  expect(cluster.asked.toSorted()).toEqual(['A billing.shop.svc', 'AAAA billing.shop.svc']);
  expect(await cluster.resolver.resolve('hook.test')).toEqual(['192.0.2.7']);
  expect(cluster.asked).not.toContain('A hook.test.shop.svc');
});

test('does not fall through to another name when a search domain is broken', async () => {
  const zone: Zone = (name) => (name === 'billing' ? ['192.0.2.9'] : 'SERVFAIL');
  const { resolver, asked } = await resolving(zone, { resolvConf: file('broken', 'search shop.svc\n') });
  await expect(resolver.resolve('billing')).rejects.toMatchObject({ error: 'dns' });
  expect(asked).not.toContain('A billing');
});

test('a hook behind a name is reached through the system resolver', async () => {
  const { resolver } = await resolving((_name, type) => (type === 'A' ? ['127.0.0.1'] : []));
  const hooks = await hookServer();
  const client = new HookClient({ policy: { allow: ['127.0.0.0/8'] }, resolver });
  const url = `http://hook.test:${new URL(hooks.url).port}/`;
  expect(await client.post({ url, headers: {}, body: Buffer.from('x'), timeoutMs: 2000 })).toMatchObject({
    status: 204,
  });
  await client.destroy();
  await hooks.close();
});
