import { randomBytes } from 'node:crypto';
import { checkServer } from '@hookcast/database';
import { asAdmin, createEmptyDatabase, type TestDatabase } from '../support/database.js';
import { testServers } from '../support/servers.js';
import { transactionPooler } from '../support/transaction-pooler.js';

describe.each(await testServers())('on $name', ({ name, adminUrl }) => {
  let database: TestDatabase;
  let databaseName: string;
  beforeAll(async () => {
    database = await createEmptyDatabase(adminUrl);
    databaseName = database.url.match(/\/(hookcast_test_\w+)/)?.[1] ?? '';
  });
  afterAll(() => database.drop());
  const admin = (statement: string) => asAdmin(database.url, statement);

  test('a writable primary is accepted with its version', async () => {
    expect(await checkServer(database.url, { allowFsyncOff: true })).toEqual({
      kind: 'ok',
      version: Number(/\d+/.exec(name)?.[0]),
    });
  });

  test('fsync = off is refused, fsync = on is not', async () => {
    const { rows } = await database.pool.query<{ fsync: string }>('show fsync');
    const refused = { kind: 'refused', reasons: [expect.stringMatching(/^fsync is off/)] };
    expect(await checkServer(database.url)).toMatchObject(rows[0]?.fsync === 'on' ? { kind: 'ok' } : refused);
  });

  test('a role that may only read is refused with every reason at once', async () => {
    const role = `hookcast_reader_${randomBytes(4).toString('hex')}`;
    await admin(`create role ${role} login`);
    try {
      await admin(`revoke create on schema public from public`);
      await admin(`alter role ${role} set default_transaction_read_only = on`);
      const url = database.url.replace(/\/\/[^@/]*@/, `//${role}@`);
      expect(await checkServer(url, { allowFsyncOff: true })).toMatchObject({
        kind: 'refused',
        reasons: [expect.stringMatching(/read-only/), expect.stringMatching(/grant create on schema "public"/)],
      });
      await admin(`alter role ${role} set search_path = nowhere`);
      expect(await checkServer(url, { allowFsyncOff: true })).toMatchObject({
        reason: expect.stringMatching(/No schema of search_path exists/),
      });
    } finally {
      await admin(`drop role ${role}`);
    }
  });

  test('a pooler in transaction mode is told apart, with what does not hold behind it', async () => {
    const pooler = await transactionPooler(database.url);
    const reasons = async () => {
      await pooler.reconnect();
      const check = await checkServer(pooler.url, { allowFsyncOff: true });
      return check.kind === 'refused' ? check.reasons : [];
    };
    try {
      await admin(`alter database ${databaseName} set synchronous_commit = on`);
      expect(await reasons()).toEqual([expect.stringMatching(/loses prepared statements/)]);
      await admin(`alter database ${databaseName} set synchronous_commit = local`);
      expect(await reasons()).toEqual([
        expect.stringMatching(/pooler in transaction mode .* synchronous_commit is local/),
        expect.stringMatching(/loses prepared statements/),
      ]);
      expect(await checkServer(database.url, { allowFsyncOff: true })).toMatchObject({ kind: 'ok' });
    } finally {
      await admin(`alter database ${databaseName} reset synchronous_commit`);
      await pooler.close();
    }
  });
});

test('a server that cannot be reached is refused with the reason', async () => {
  expect(await checkServer('postgresql://nobody@127.0.0.1:9/none')).toMatchObject({
    kind: 'refused',
    reason: expect.stringMatching(/^Postgres cannot be reached: .*ECONNREFUSED/),
  });
});
