// Runs every check of the project, and ends with `N passed, N failed` alone on a line. `npm test -- unit api` runs only the
// named parts. Exit code 1 when anything failed. Failed files of some suites get a second try: CONTRIBUTING.md.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { settled, worthASecondTry } from './second-try.mjs';
import { failed, outcomesOf, told } from './suite-report.mjs';

/** None needs what another writes, so they run side by side; the longest start first. */
const checks = {
  lint: ['oxlint', ['--type-aware', '--deny-warnings']],
  // A reference to what is not exported, or a link to what is not there, is a warning of typedoc's, and an error here.
  'docs:api': ['typedoc', ['--emit', 'none']],
  format: ['prettier', ['--check', '.', '--log-level', 'warn']],
  types: ['tsc', ['-b']],
  knip: ['knip', []],
};
/** End-to-end tests that hold answers to seconds while they keep every processor busy themselves. */
const sensitive = ['test/e2e/fuzz.test.ts', 'test/e2e/github-events.test.ts'];
/**
 * Suites run one after the other, since each fills the machine with its own workers; those of one row run side by side,
 * since each takes its files one by one and waits for processes most of the time. What is sensitive to load is alone.
 */
const suites = [
  [{ project: 'unit' }],
  [{ project: 'oracles' }],
  [{ project: 'simulation' }],
  [{ project: 'integration' }],
  [{ project: 'api' }],
  [{ project: 'browser' }],
  [{ project: 'e2e', args: sensitive.map((file) => `--exclude=${file}`) }, { project: 'packages' }],
  [{ project: 'e2e', args: sensitive }],
  [{ project: 'faults' }],
];

/** The same in every run, unless they are set: a change is not to fail by the luck of others. CONTRIBUTING.md says how to search. */
const seeds = { PROPERTY_SEED: '1', SIMULATION_SEED: '1', FAULTS_SEED: '1' };

const only = process.argv.slice(2);
const wanted = (name) => only.length === 0 || only.includes(name);
const passedChecks = [];
/** What failed outside of a test file, told again at the end: a log of thousands of lines is often kept only by its tail. */
const failures = [];

/** Runs a program to its end. What it prints is seen at once, or, beside others, together when it has ended. */
async function run(command, args, isBeside) {
  const stdio = ['inherit', isBeside ? 'pipe' : 'inherit', isBeside ? 'pipe' : 'inherit'];
  const env = { ...seeds, ...process.env };
  const child = spawn('npx', ['--no-install', command, ...args], { stdio, env });
  const printed = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => printed.push(chunk));
  const code = await new Promise((resolve) => {
    child.on('error', () => resolve(1));
    child.on('close', resolve);
  });
  process.stdout.write(Buffer.concat(printed));
  return code === 0;
}

async function check(name) {
  const [command, args] = checks[name];
  const started = Date.now();
  const ok = await run(command, args, true);
  (ok ? passedChecks : failures).push(name);
  console.log(`${ok ? 'ok' : 'FAILED'}  ${name} (${secondsSince(started)} s)`);
}

/** As many checks at once as there are processors. */
async function runChecks() {
  const waiting = Object.keys(checks).filter(wanted);
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await check(next);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
}

/**
 * The senders' own libraries only judge our verifiers, and a browser only tries the page: both are large, so they are
 * installed apart from the project.
 */
function installApart(suite) {
  const args = ['ci', '--prefix', `test/${suite}`, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  if (spawnSync('npm', args, { stdio: 'inherit' }).status === 0) return;
  failures.push(`${suite}: npm ci`);
}

/** Runs a suite, or some of its files: how each file ended, and whether the run as a whole was in order. */
async function tried({ project: suite, args = [] }, isBeside) {
  const folder = mkdtempSync(join(tmpdir(), 'hookcast-report-'));
  const report = join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const ok = await run('vitest', ['run', '--project', suite, ...args, ...reporters], isBeside);
    return { ok, outcomes: outcomesOf(suite, JSON.parse(readFileSync(report, 'utf8'))) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runSuite(suite, isBeside) {
  const started = Date.now();
  const { ok, outcomes } = await tried(suite, isBeside).catch((error) => {
    failures.push(`${suite.project}: no readable report: ${error.message}`);
    return { ok: true, outcomes: [] };
  });
  // An unhandled error fails the run without failing a test: it must not pass for a green suite.
  if (!ok && !outcomes.some(failed)) failures.push(`${suite.project}: an error outside of every test`);
  console.log(`ended  ${suite.project} (${secondsSince(started)} s)`);
  return outcomes;
}

async function runSuites() {
  const outcomes = [];
  for (const row of suites) {
    const together = row.filter(({ project }) => wanted(project));
    outcomes.push(...(await Promise.all(together.map((suite) => runSuite(suite, together.length > 1)))).flat());
  }
  return outcomes;
}

/** Alone: nothing runs beside it. */
async function secondTry(first) {
  console.log(`second try  ${first.suite}  ${first.file}`);
  const { ok, outcomes } = await tried({ project: first.suite, args: [first.file] }, false).catch(() => ({
    ok: false,
  }));
  return ok
    ? settled(
        first,
        outcomes.find(({ file }) => file === first.file),
      )
    : first;
}

async function withSecondTries(outcomes) {
  const again = worthASecondTry(outcomes);
  const final = [];
  for (const outcome of outcomes) final.push(again.includes(outcome) ? await secondTry(outcome) : outcome);
  return final;
}

function tell(outcomes) {
  const sum = (what) => outcomes.reduce((total, outcome) => total + outcome[what], 0);
  const [passed, skipped] = [passedChecks.length + sum('passed'), sum('skipped')];
  const failedInAll = failures.length + sum('failed');
  for (const flaky of outcomes.flatMap((outcome) => outcome.flaky ?? []))
    console.log(`FLAKY  ${flaky.slice(0, 2_000)}`);
  for (const failure of [...failures, ...outcomes.flatMap(told)]) console.log(`FAILED  ${failure.slice(0, 2_000)}`);
  if (skipped > 0) console.log(`${skipped} skipped`);
  console.log(`${passed} passed, ${failedInAll} failed`);
  return failedInAll === 0 && passed > 0;
}

function secondsSince(started) {
  return ((Date.now() - started) / 1000).toFixed(1);
}

await runChecks();
for (const suite of ['oracles', 'browser'].filter(wanted)) installApart(suite);
process.exitCode = tell(await withSecondTries(await runSuites())) ? 0 : 1;
