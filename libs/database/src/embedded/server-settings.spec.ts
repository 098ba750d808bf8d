import pg from 'pg';
import { connectionUrl, serverSettings, socketDirFor, type Endpoint } from './server-settings.js';

const socket: Endpoint = { kind: 'socket', socketDir: '/tmp/hookcast-pg-1', port: 5432 };
const request = { endpoint: socket, durable: true, owner: '1@2@here', cluster: '/data/pg18' };

test('durability cannot be turned off by a setting, other settings can be replaced', () => {
  const settings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', shared_buffers: '1GB' };
  expect(serverSettings({ ...request, settings })).toMatchObject({
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    shared_buffers: '1GB',
  });
});

test('nothing listens on the network, except on Windows and where asked', () => {
  expect(serverSettings(request)['listen_addresses']).toBe('');
  expect(serverSettings({ ...request, settings: { listen_addresses: '127.0.0.1' } })['listen_addresses']).toBe(
    '127.0.0.1',
  );
  const tcp: Endpoint = { kind: 'tcp', port: 6543, password: 'p' };
  expect(serverSettings({ ...request, endpoint: tcp })).toMatchObject({ listen_addresses: '127.0.0.1', port: '6543' });
});

test('a socket path always fits, however long the temporary directory is', () => {
  expect(socketDirFor('/data/pg18', '/tmp')).toMatch(/^\/tmp\/hookcast-pg-[0-9a-f]{12}$/);
  expect(socketDirFor('/data/pg18', `/${'long/'.repeat(20)}`)).toMatch(/^\/tmp\/hookcast-pg-[0-9a-f]{12}$/);
  expect(socketDirFor('/other/pg18', '/tmp')).not.toBe(socketDirFor('/data/pg18', '/tmp'));
});

test.each<[string, Endpoint, Record<string, unknown>]>([
  ['socket', { ...socket, socketDir: '/tmp/a b+c' }, { host: '/tmp/a b+c', port: 5432, user: 'hookcast' }],
  ['tcp', { kind: 'tcp', port: 6543, password: 'se-cret_1' }, { host: '127.0.0.1', port: 6543, password: 'se-cret_1' }],
])('the URL of a %s endpoint reaches it with node-postgres', (_name, endpoint, expected) => {
  vi.stubEnv('PGSSLMODE', 'require');
  const client = new pg.Client({ connectionString: connectionUrl(endpoint) });
  vi.unstubAllEnvs();
  const { host, port, user, password, database, ssl } = client;
  expect({ host, port, user, password, database, ssl }).toMatchObject({
    ...expected,
    database: 'hookcast',
    ssl: false,
  });
});
