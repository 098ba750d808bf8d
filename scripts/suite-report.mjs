// What vitest's JSON report says of a suite, file by file.
import { relative } from 'node:path';

/** The outcome of each test file: how many tests passed, failed and were skipped, and what failed in words. */
export function outcomesOf(suite, { testResults }) {
  return testResults.map((result) => {
    const file = relative(process.cwd(), result.name);
    const withStatus = (status) => result.assertionResults.filter((test) => test.status === status);
    const failures = withStatus('failed').map((test) => `${test.fullName}: ${(test.failureMessages ?? []).join('\n')}`);
    // A file that could not be loaded, or whose hook failed, failed without a failed test.
    if (result.status === 'failed' && failures.length === 0) failures.push(result.message);
    const skipped = withStatus('skipped').length + withStatus('pending').length;
    return { suite, file, passed: withStatus('passed').length, failed: failures.length, skipped, failures };
  });
}

export function failed(outcome) {
  return outcome.failed > 0;
}

/** One line for each failure of a file. */
export function told({ suite, file, failures }) {
  return failures.map((failure) => `${suite}  ${file} > ${failure}`);
}
