// `npm run fuzz [-- --seed N --requests M]`: made-up requests to a real broker process; see test/e2e/fuzz.test.ts.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, requests: { type: 'string', default: '50000' } },
});
const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31));
console.log(`seed ${seed}: npm run fuzz -- --seed ${seed} --requests ${values.requests} sends the same again`);
const env = { ...process.env, FUZZ_SEED: seed, FUZZ_REQUESTS: values.requests };
const run = [
  '--no-install',
  'vitest',
  'run',
  '--project',
  'e2e',
  'test/e2e/fuzz.test.ts',
  '--disable-console-intercept',
];
process.exitCode = spawnSync('npx', run, { stdio: 'inherit', env }).status ?? 1;
