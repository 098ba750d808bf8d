import fs from 'node:fs';
import path from 'node:path';
import { DataDirs, isAlive, launchProgram, withoutFsync } from '../support/embedded-process.js';
import { until } from '../support/until.js';

const dataDirs = new DataDirs();
beforeAll(() => dataDirs.prepare());
afterEach(() => dataDirs.cleanUp());
afterAll(() => dataDirs.dispose());

test('a second program on the data dir uses the server of the first, and leaves it running when it stops', async () => {
  const dataDir = dataDirs.copy('second');
  const first = launchProgram({ options: { dataDir, ...withoutFsync } });
  const { pid, url } = await first.ready();
  const second = launchProgram({ options: { dataDir, ...withoutFsync } });
  expect(await second.ready()).toMatchObject({ pid, url, owner: false });
  expect(await second.event('attached')).toMatchObject({ pid, ownerPid: first.child.pid });
  await second.query('insert into kept values (1)');
  await second.stop();
  expect(isAlive(pid)).toBe(true);
  expect(await first.query('select id from kept')).toEqual([{ id: 1 }]);
});

test.each([
  ['is killed', (program: ReturnType<typeof launchProgram>) => program.kill()],
  ['stops', (program: ReturnType<typeof launchProgram>) => program.stop()],
])('when the program that runs the server %s, the second says so and runs it on', async (_how, end) => {
  const dataDir = dataDirs.copy('takeover');
  const first = launchProgram({ options: { dataDir, ...withoutFsync } });
  const { pid } = await first.ready();
  const second = launchProgram({ options: { dataDir, ...withoutFsync } });
  await second.ready();
  await second.query('insert into kept values (1)');
  await end(first);

  expect(await second.event('lost')).toMatchObject({ pid });
  expect(await second.event('owner-gone')).toMatchObject({ ownerPid: first.child.pid });
  await second.event('started');
  expect(second.lines.map((line) => line.log ?? '').join('\n')).toMatch(
    /has ended or stopped it; this process runs it now/,
  );
  expect(await until(() => second.query('select id from kept'), { what: 'an answer' })).toEqual([{ id: 1 }]);
});

test('when the server dies, the program that ran it starts it again and the second uses it again', async () => {
  const dataDir = dataDirs.copy('both');
  const first = launchProgram({ options: { dataDir, ...withoutFsync } });
  const { pid } = await first.ready();
  const second = launchProgram({ options: { dataDir, ...withoutFsync } });
  await second.ready();
  process.kill(pid, 'SIGKILL');
  const restarted = await first.event('started', 2);
  expect(await second.event('attached', 2)).toMatchObject({ pid: restarted.pid, ownerPid: first.child.pid });
});

test('of two programs that start on an empty data dir at once, one runs the server and both use it', async () => {
  const dataDir = dataDirs.empty('race');
  const programs = [1, 2].map(() => launchProgram({ options: { dataDir, ...withoutFsync } }));
  const ready = await Promise.all(programs.map((program) => program.ready()));
  expect(new Set(ready.map((each) => each.pid)).size).toBe(1);
  expect(ready.map((each) => each.owner).toSorted((a, b) => Number(a) - Number(b))).toEqual([false, true]);
  for (const program of programs) expect(await program.query('select 1 as one')).toEqual([{ one: 1 }]);
  expect(fs.readdirSync(dataDir).filter((name) => name.includes('init-'))).toEqual([]);
});

describe('a cluster that another container or machine used last', () => {
  /** A lock file as a program out of our sight would leave it. */
  async function aForeignCluster(): Promise<{ dataDir: string; aliveFile: string }> {
    const dataDir = dataDirs.copy('elsewhere');
    const program = launchProgram({ options: { dataDir, ...withoutFsync } });
    const { pid } = await program.ready();
    const [lockFile, options] = ['postmaster.pid', 'postmaster.opts'].map((name) => path.join(dataDir, 'pg18', name));
    const lock = fs.readFileSync(lockFile ?? '');
    await program.kill();
    await until(() => !isAlive(pid), { what: 'the server to stop' });
    fs.writeFileSync(lockFile ?? '', lock);
    fs.writeFileSync(
      options ?? '',
      fs.readFileSync(options ?? '', 'utf8').replace(/(hookcast\.owner=\d+@\d+@)[^"]*/, '$1elsewhere'),
    );
    return { dataDir, aliveFile: path.join(dataDir, 'pg18.alive') };
  }

  test('is refused while that one shows signs of life', async () => {
    const { dataDir, aliveFile } = await aForeignCluster();
    const heart = setInterval(() => fs.utimesSync(aliveFile, new Date(), new Date()), 500);
    try {
      const program = launchProgram({ options: { dataDir, ...withoutFsync } });
      expect(await program.failure()).toMatch(/in use by process \d+ of another container or machine/);
    } finally {
      clearInterval(heart);
    }
  });

  test('is started once that one has been silent for a while', async () => {
    const { dataDir } = await aForeignCluster();
    const program = launchProgram({ options: { dataDir, ...withoutFsync } });
    expect((await program.ready()).owner).toBe(true);
  });
});
