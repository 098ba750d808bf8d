// Runs every check of the project, and ends with `N passed, N failed` alone on a line. `npm test -- unit api` runs only the
// named parts. Exit code 1 when anything failed.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';

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

const only = process.argv.slice(2);
const wanted = (name) => only.length === 0 || only.includes(name);
const totals = { passed: 0, failed: 0, skipped: 0 };
/** What failed, told again at the end: a log of thousands of lines is often kept only by its tail. */
const failures = [];

/** Runs a program to its end. What it prints is seen at once, or, beside others, together when it has ended. */
async function run(command, args, isBeside) {
  const stdio = ['inherit', isBeside ? 'pipe' : 'inherit', isBeside ? 'pipe' : 'inherit'];
  const child = spawn('npx', ['--no-install', command, ...args], { stdio });
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
  totals[ok ? 'passed' : 'failed'] += 1;
  if (!ok) failures.push(name);
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
  totals.failed += 1;
  failures.push(`${suite}: npm ci`);
}

async function count({ project: suite, args = [] }, isBeside) {
  const folder = mkdtempSync(join(tmpdir(), 'hookcast-report-'));
  const report = join(folder, 'report.json');
  const started = Date.now();
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const ok = await run('vitest', ['run', '--project', suite, ...args, ...reporters], isBeside);
    add(suite, ok, JSON.parse(readFileSync(report, 'utf8')));
  } catch (error) {
    totals.failed += 1;
    failures.push(`${suite}: no readable report: ${error.message}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`ended  ${suite} (${secondsSince(started)} s)`);
}

function add(suite, ok, { numPassedTests, numFailedTests, numPendingTests, testResults }) {
  const unloaded = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  totals.passed += numPassedTests;
  totals.skipped += numPendingTests;
  // An unhandled error fails the run without failing a test: it must not pass for a green suite.
  const failed = numFailedTests + unloaded || (ok ? 0 : 1);
  totals.failed += failed;
  const named = testResults.flatMap(failuresOf).map((failure) => `${suite}  ${failure}`);
  failures.push(...(failed > 0 && named.length === 0 ? [`${suite}: an error outside of every test`] : named));
}

function failuresOf({ name, status, message, assertionResults }) {
  const file = relative(process.cwd(), name);
  if (status === 'failed' && assertionResults.length === 0) return [`${file}: ${message}`];
  return assertionResults
    .filter((test) => test.status === 'failed')
    .map((test) => `${file} > ${test.fullName}: ${(test.failureMessages ?? []).join('\n')}`);
}

function secondsSince(started) {
  return ((Date.now() - started) / 1000).toFixed(1);
}

await runChecks();
for (const suite of ['oracles', 'browser'].filter(wanted)) installApart(suite);
for (const row of suites) {
  const together = row.filter(({ project }) => wanted(project));
  await Promise.all(together.map(async (suite) => count(suite, together.length > 1)));
}

for (const failure of failures) console.log(`FAILED  ${failure.slice(0, 2_000)}`);
if (totals.skipped > 0) console.log(`${totals.skipped} skipped`);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
