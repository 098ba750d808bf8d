// Runs every check of the project, one after the other, and ends with `N passed, N failed` alone on a line.
// `npm test -- unit api` runs only the named parts. Exit code 1 when anything failed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const checks = {
  format: ['prettier', ['--check', '.', '--log-level', 'warn']],
  lint: ['oxlint', ['--type-aware', '--deny-warnings']],
  types: ['tsc', ['-b']],
  knip: ['knip', []],
};
const suites = ['unit', 'oracles', 'simulation', 'integration', 'api', 'e2e'];

const only = process.argv.slice(2);
const wanted = (name) => only.length === 0 || only.includes(name);
const totals = { passed: 0, failed: 0, skipped: 0 };

const run = (command, args) => spawnSync('npx', ['--no-install', command, ...args], { stdio: 'inherit' }).status === 0;

for (const [name, [command, args]] of Object.entries(checks).filter(([check]) => wanted(check))) {
  const started = Date.now();
  const ok = run(command, args);
  totals[ok ? 'passed' : 'failed'] += 1;
  console.log(`${ok ? 'ok' : 'FAILED'}  ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
}

// The senders' own libraries are large and only judge our verifiers, so they are installed apart from the project.
const install = ['ci', '--prefix', 'test/oracles', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
if (wanted('oracles') && spawnSync('npm', install, { stdio: 'inherit' }).status !== 0) totals.failed += 1;

for (const suite of suites.filter(wanted)) count(suite);

function count(suite) {
  const folder = mkdtempSync(join(tmpdir(), 'hookcast-report-'));
  const report = join(folder, 'report.json');
  try {
    const ok = run('vitest', [
      'run',
      '--project',
      suite,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ]);
    const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    const unloaded = testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    ).length;
    totals.passed += numPassedTests;
    totals.skipped += numPendingTests;
    // An unhandled error fails the run without failing a test: it must not pass for a green suite.
    totals.failed += numFailedTests + unloaded || (ok ? 0 : 1);
  } catch (error) {
    console.error(`${suite}: no readable report: ${error.message}`);
    totals.failed += 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
