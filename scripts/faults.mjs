// `npm run faults [-- --seed N --minutes M --only NAME]`: faults on a cluster of real processes, one after the other in an
// order that follows from the seed, until the time is over, a disk that fills up, and one whose power is cut. What each does: test/faults/scenarios.ts.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, minutes: { type: 'string', default: '10' }, only: { type: 'string' } },
});
const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31));
console.log(`seed ${seed}: npm run faults -- --seed ${seed} plays the same faults again`);
const env = { ...process.env, FAULTS_SEED: seed, FAULTS_MINUTES: values.minutes };
if (values.only !== undefined) env.FAULTS_ONLY = values.only;
const run = [
  '--no-install',
  'vitest',
  'run',
  '--project',
  'faults',
  'test/faults/faults.test.ts',
  ...(values.only === undefined ? ['test/faults/full-disk.test.ts', 'test/faults/power-cut.test.ts'] : []),
  '--disable-console-intercept',
];
process.exitCode = spawnSync('npx', run, { stdio: 'inherit', env }).status ?? 1;
