import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { problemCodes } from './http/problems.js';
import { problemsPage, withMetricsTable, withSettingsTable } from './reference-docs.js';
import { format } from 'prettier';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8');
const formatted = async (text: string) => format(text, { parser: 'markdown', ...JSON.parse(read('.prettierrc')) });

test('docs/problems.md lists the problems as they are', async () => {
  expect(read('docs/problems.md')).toBe(await formatted(problemsPage()));
});

test('docs/operations.md lists the settings as they are', async () => {
  const page = read('docs/operations.md');
  expect(page).toBe(await formatted(withSettingsTable(page)));
});

test('docs/metrics.md lists the metrics as they are', async () => {
  const page = read('docs/metrics.md');
  expect(page).toBe(await formatted(withMetricsTable(page)));
});

test('every problem is raised somewhere, and some test asks for it', () => {
  const filesIn = (folder: string) =>
    readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`);
  const sources = filesIn('apps/broker/src').filter((path) => !/\.spec\.ts$|http\/problems\.ts$/.test(path));
  const tests = filesIn('test/api');
  const unnamedIn = (paths: string[]) => {
    const text = paths.map(read).join('\n');
    return problemCodes.filter((code) => !text.includes(`'${code}'`));
  };
  expect(unnamedIn(sources)).toEqual([]);
  expect(unnamedIn(tests)).toEqual([]);
});
