import { join } from 'node:path';

interface Outcome {
  suite: string;
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  failures: string[];
  flaky?: string[];
}

interface Report {
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

const script = async <T>(name: string) => (await import(new URL(`../scripts/${name}.mjs`, import.meta.url).href)) as T;
const { worthASecondTry, settled } = await script<{
  worthASecondTry: (outcomes: Outcome[]) => Outcome[];
  settled: (first: Outcome, second: Outcome | undefined) => Outcome;
}>('second-try');
const { outcomesOf } = await script<{ outcomesOf: (suite: string, report: Report) => Outcome[] }>('suite-report');

const green = (suite: string, file = 'a.test.ts'): Outcome => ({
  suite,
  file,
  passed: 2,
  failed: 0,
  skipped: 0,
  failures: [],
});
const red = (suite: string, file = 'a.test.ts'): Outcome => ({
  ...green(suite, file),
  passed: 1,
  failed: 1,
  failures: ['is fast: too slow'],
});

describe('a second try of failed test files', () => {
  it('is for failed files of the suites that wait for processes and sockets', () => {
    const outcomes = [green('api'), red('api', 'b.test.ts'), red('e2e')];
    expect(worthASecondTry(outcomes)).toEqual([red('api', 'b.test.ts'), red('e2e')]);
  });

  it.each(['unit', 'oracles', 'simulation'])('is not for %s, which is deterministic', (suite) => {
    expect(worthASecondTry([red(suite)])).toEqual([]);
  });

  it('is for five files at most: six are broken, not unlucky', () => {
    const files = Array.from({ length: 6 }, (_, index) => red('api', `${index}.test.ts`));
    expect(worthASecondTry(files.slice(1))).toHaveLength(5);
    expect(worthASecondTry(files)).toEqual([]);
  });

  it('counts the tests of a file that passes, and tells what failed at first', () => {
    expect(settled(red('api'), green('api'))).toEqual({
      ...green('api'),
      flaky: ['api  a.test.ts > is fast: too slow'],
    });
  });

  it('changes nothing for a file that fails again, that was not run, or of which nothing passed', () => {
    expect(settled(red('api'), red('api'))).toEqual(red('api'));
    expect(settled(red('api'), undefined)).toEqual(red('api'));
    expect(settled(red('api'), { ...green('api'), passed: 0, skipped: 2 })).toEqual(red('api'));
  });
});

describe('the outcome of a test file', () => {
  const of = (status: string, ...statuses: string[]) =>
    outcomesOf('api', {
      testResults: [
        {
          name: join(process.cwd(), 'test/api/a.test.ts'),
          status,
          message: 'no such module',
          assertionResults: statuses.map((each) => ({
            fullName: each,
            status: each,
            failureMessages: each === 'failed' ? ['expected 1 to be 2'] : [],
          })),
        },
      ],
    })[0];

  it('counts what passed, failed and was skipped', () => {
    expect(of('failed', 'passed', 'failed', 'skipped', 'passed')).toEqual({
      suite: 'api',
      file: 'test/api/a.test.ts',
      passed: 2,
      failed: 1,
      skipped: 1,
      failures: ['failed: expected 1 to be 2'],
    });
  });

  it.each([[[]], [['skipped', 'skipped']]])('is one failure when loading it or a hook fails (%j)', (statuses) => {
    expect(of('failed', ...statuses)).toMatchObject({ passed: 0, failed: 1, failures: ['no such module'] });
  });
});
