import { objections } from './server-check.js';

const sound = {
  versionNumber: 180_004,
  fsync: 'on',
  synchronousCommit: 'on',
  encoding: 'UTF8',
  standby: false,
  readOnly: false,
  schema: 'public',
  mayCreate: true,
  sharedSessions: false,
  preparedStatements: true,
};

test('a sound server meets no objection, whatever its default of synchronous_commit', () => {
  expect(objections(sound)).toEqual([]);
  expect(objections({ ...sound, synchronousCommit: 'off' })).toEqual([]);
  expect(objections({ ...sound, versionNumber: 150_000 })).toEqual([]);
});

test.each([
  ['an old version', { versionNumber: 140_020 }, /^Postgres 14 is too old: version 15/],
  ['fsync off', { fsync: 'off' }, /^fsync is off/],
  ['a standby', { standby: true, readOnly: true }, /^The server is a standby/],
  ['read-only transactions', { readOnly: true }, /^Transactions are read-only/],
  ['another encoding', { encoding: 'SQL_ASCII' }, /encoded in SQL_ASCII/],
  ['no schema', { schema: null, mayCreate: false }, /^No schema of search_path exists/],
  ['no right to create tables', { mayCreate: false }, /may not create tables in schema "public"/],
  [
    'a pooler in transaction mode over a default that is not durable',
    { sharedSessions: true, synchronousCommit: 'off' },
    /^A pooler in transaction mode/,
  ],
  ['a pooler that loses prepared statements', { preparedStatements: false }, /loses prepared statements/],
])('%s is the only objection', (_what, facts, expected) => {
  expect(objections({ ...sound, ...facts })).toEqual([expect.stringMatching(expected)]);
});

test('a pooler in transaction mode is fine where every session commits synchronously by default', () => {
  expect(objections({ ...sound, sharedSessions: true })).toEqual([]);
  expect(objections({ ...sound, sharedSessions: true, synchronousCommit: 'remote_apply' })).toEqual([]);
});

test('fsync off is allowed where a test asks for it', () => {
  expect(objections({ ...sound, fsync: 'off' }, { allowFsyncOff: true })).toEqual([]);
});

test('all objections are named at once', () => {
  const facts = { ...sound, versionNumber: 130_001, fsync: 'off', encoding: 'LATIN1', mayCreate: false };
  expect(objections(facts)).toHaveLength(4);
});
