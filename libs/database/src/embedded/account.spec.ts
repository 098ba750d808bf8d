import { accountForRoot, parsePasswd } from './account.js';

const entries = parsePasswd(
  [
    'root:x:0:0:root:/root:/bin/bash',
    'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
    'postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash',
    'toor:x:0:0::/root:/bin/sh',
    '',
  ].join('\n'),
);

test.each([
  ['the account asked for', { preferred: 'nobody' }, 'nobody'],
  ['postgres where nothing is asked for', {}, 'postgres'],
  ['postgres where the account asked for does not exist', { preferred: 'hookcast' }, 'postgres'],
  ['postgres where the account asked for is root by another name', { preferred: 'toor' }, 'postgres'],
  ['the owner of an existing cluster', { preferred: 'postgres', clusterOwner: { uid: 65534, gid: 65534 } }, 'nobody'],
  ['an owner without an entry', { clusterOwner: { uid: 4711, gid: 1 } }, 'uid 4711'],
  [
    'postgres where the cluster belongs to root, which Postgres would refuse',
    { clusterOwner: { uid: 0, gid: 0 } },
    'postgres',
  ],
])('root takes %s', (_name, wanted, expected) => {
  expect(accountForRoot(entries, wanted)?.name).toBe(expected);
});

test('without postgres the server runs as nobody, and without both not at all', () => {
  const [root, nobody] = entries;
  expect(
    accountForRoot(
      [root, nobody].flatMap((entry) => entry ?? []),
      {},
    ),
  ).toEqual({
    name: 'nobody',
    switchTo: { uid: 65534, gid: 65534 },
  });
  expect(accountForRoot(root ? [root] : [], {})).toBeUndefined();
});
