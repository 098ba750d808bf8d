import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(`${root}/${file}`, 'utf8');
const securityPage = read('docs/security-tests.md');

interface Proof {
  file: string;
  titles: string[];
}

/** A file in code, and behind it the titles of tests in quotes. */
function proofsOn(page: string): Proof[] {
  return [...page.matchAll(/`([\w/.-]+\.(?:test|spec)\.ts)`((?: “[^”]+”)*)/g)].map(([, file = '', quoted = '']) => ({
    file,
    titles: [...quoted.matchAll(/“([^”]+)”/g)].map(([, title = '']) => title),
  }));
}

test.each(['docs/guarantees.md', 'docs/security-tests.md', 'docs/faults.md'])(
  'every proof that %s names is there',
  (page) => {
    const proofs = proofsOn(read(page));
    expect(proofs.length).toBeGreaterThan(4);
    const missing = proofs.flatMap(({ file, titles }) => {
      if (!existsSync(`${root}/${file}`)) return [file];
      const source = read(file).replaceAll("\\'", "'");
      return titles.filter((title) => !source.includes(title)).map((title) => `${file}: ${title}`);
    });
    expect(missing).toEqual([]);
  },
);

const rowsOf = (heading: string): string[] => {
  const part = securityPage.split(`\n## ${heading}`)[1]?.split('\n## ')[0] ?? '';
  return part
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\| -|^\|-/.test(line))
    .slice(1);
};

test('every line of the security page names a proof', () => {
  const headings = ['What keeps', 'How it is tried', 'OWASP', 'ASVS', 'Advisories'];
  for (const heading of headings) expect(rowsOf(heading).length, heading).toBeGreaterThan(5);
  const bare = headings.flatMap(rowsOf).filter((row) => proofsOn(row).length === 0);
  expect(bare).toEqual([]);
});

test('all ten rows of OWASP and all ten groups of protections are there', () => {
  const groups = rowsOf('What keeps').flatMap((row) => /^\| \*\*(\d+)\. /.exec(row)?.[1] ?? []);
  expect(groups).toEqual(Array.from({ length: 10 }, (_, index) => String(index + 1)));
  expect(rowsOf('OWASP').map((row) => /^\| (API\d+) /.exec(row)?.[1])).toEqual(
    Array.from({ length: 10 }, (_, index) => `API${index + 1}`),
  );
});

const advisory = /\b(?:CVE-\d{4}-\d{4,}|GHSA(?:-[0-9a-z]{4}){3}|RUSTSEC-\d{4}-\d{4})\b/g;
const idsIn = (text: string): string[] => [...new Set(text.match(advisory) ?? [])];

test('every advisory on the page has a test that is named after it, and the other way round', () => {
  const listed = rowsOf('Advisories').flatMap((row) =>
    idsIn(row.split('|')[1] ?? '').flatMap((id) => proofsOn(row).map(({ file }) => `${id} in ${file}`)),
  );
  const tested = readdirSync(`${root}/test`, { recursive: true, encoding: 'utf8' })
    .map((file) => `test/${file}`)
    .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
    .flatMap((file) => idsIn(namesIn(read(file))).map((id) => `${id} in ${file}`));
  expect(listed.length).toBeGreaterThan(50);
  expect(tested.toSorted()).toEqual(listed.toSorted());
});

/** The texts in quotes of a file: names of tests are among them, comments are not. */
function namesIn(source: string): string {
  return (source.match(/'(?:[^'\\\n]|\\.)*'|`[^`]*`/g) ?? []).join('\n');
}
