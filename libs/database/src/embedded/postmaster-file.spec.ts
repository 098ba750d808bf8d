import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { clearStaleLocks, inspectCluster, parseOwner, parsePidFile } from './postmaster-file.js';
import { formatIdentity, ownIdentity } from './process-identity.js';

const pidFile = (pid: number, status: string) =>
  [pid, '/data/pg18', 1_795_518_997, 5432, '/tmp/socket', '', ' 16039943        24', status, ''].join('\n');

test('the lock file names pid, port, socket and status', () => {
  expect(parsePidFile(pidFile(15141, 'ready   '))).toEqual({
    pid: 15141,
    port: 5432,
    socketDir: '/tmp/socket',
    status: 'ready',
  });
  expect(parsePidFile('15141\n/data/pg18\n')).toMatchObject({ pid: 15141, status: undefined });
  expect(parsePidFile('')).toBeUndefined();
  expect(parsePidFile('not a pid\n')).toBeUndefined();
});

test('the owner stands on the command line that postmaster.opts repeats', () => {
  const owner = ownIdentity();
  expect(parseOwner(`/bin/postgres "-D" "/data" "-c" "hookcast.owner=${formatIdentity(owner)}"`)).toEqual(owner);
  expect(parseOwner('/usr/lib/postgresql/18/bin/postgres "-D" "/data"')).toBeUndefined();
});

describe('a cluster', () => {
  let cluster: string;
  beforeEach(() => {
    cluster = fs.mkdtempSync(path.join(os.tmpdir(), 'hookcast-spec-'));
  });
  afterEach(() => fs.rmSync(cluster, { recursive: true }));
  const write = (name: string, text: string) => fs.writeFileSync(path.join(cluster, name), text);
  const writeOwner = (owner: string) => write('postmaster.opts', `postgres "-c" "hookcast.owner=${owner}"\n`);

  test('without a lock file is run by nobody', () => {
    expect(inspectCluster(cluster)).toEqual({ kind: 'none' });
  });

  test('whose lock file names a free pid, or the pid of another program, has a stale one', () => {
    for (const pid of [4_194_000, process.pid]) {
      write('postmaster.pid', pidFile(pid, 'ready'));
      expect(inspectCluster(cluster)).toEqual({ kind: 'stale', owner: undefined });
    }
  });

  test('whose owner counts pids elsewhere is foreign, though its pid may be taken here', () => {
    write('postmaster.pid', pidFile(process.pid, 'ready'));
    writeOwner('12@345@another-machine');
    expect(inspectCluster(cluster)).toMatchObject({ kind: 'foreign', owner: { pid: 12, realm: 'another-machine' } });
  });

  test('keeps a lock file whose pid is free, since Postgres itself looks for leftovers then', () => {
    write('postmaster.pid', pidFile(4_194_000, 'ready'));
    clearStaleLocks(cluster, { kind: 'socket', socketDir: cluster, port: 5432 });
    expect(fs.existsSync(path.join(cluster, 'postmaster.pid'))).toBe(true);
  });

  test('loses lock files whose pid belongs to another program', () => {
    write('postmaster.pid', pidFile(process.pid, 'ready'));
    write('.s.PGSQL.5432.lock', pidFile(process.pid, ''));
    clearStaleLocks(cluster, { kind: 'socket', socketDir: cluster, port: 5432 });
    expect(fs.readdirSync(cluster)).toEqual([]);
  });

  describe.runIf(process.platform === 'linux')('with a live server', () => {
    /** A program that looks like a postmaster of this cluster. */
    const aServer = () => spawn('sleep', ['60'], { argv0: `postgres -D ${cluster}`, stdio: 'ignore' });
    let server: ReturnType<typeof aServer>;
    beforeEach(async () => {
      server = aServer();
      await new Promise((resolve) => server.once('spawn', resolve));
    });
    afterEach(() => server.kill());
    const owner = formatIdentity(ownIdentity());

    test.each([
      ['running', 'ready', owner, 'running'],
      ['changing while it starts', 'starting', owner, 'changing'],
      ['changing while it stops', 'stopping', owner, 'changing'],
      ['changing before it has a status, when its options may be old', '', '1@1@elsewhere', 'changing'],
      ['an orphan when its owner is gone', 'ready', owner.replace(/^\d+/, '4194000'), 'orphan'],
      ['an orphan when the pid of its owner was given away', 'ready', owner.replace(/@\d+@/, '@1@'), 'orphan'],
      ['an orphan when it was started by hand', 'ready', '', 'orphan'],
    ])('is %s', async (_name, status, ownerText, kind) => {
      write('postmaster.pid', pidFile(server.pid ?? 0, status));
      writeOwner(ownerText);
      await vi.waitFor(() => expect(inspectCluster(cluster).kind).toBe(kind));
    });
  });
});
