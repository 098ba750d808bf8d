import { readFileSync } from 'node:fs';

/** The TypeScript blocks of a README, and whether code out of the files that run stands behind each. */
export function unprovenBlocks(readmeUrl: URL, ...sourceUrls: (string | URL)[]): string[] {
  const source = sourceUrls.map((url) => readFileSync(new URL(url), 'utf8')).join('\n');
  const proven = new Set(regionsOf(source).map(normalized));
  const imported = new Set(importsOf(source));
  const isProven = (block: string) =>
    proven.has(normalized(block)) && importsOf(block).every((name) => imported.has(name));
  return blocksOf(readFileSync(readmeUrl, 'utf8')).filter((block) => !isProven(block));
}

const blocksOf = (readme: string): string[] =>
  [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);

const regionsOf = (source: string): string[] =>
  [...source.matchAll(/\/\/ #region README\n(.*?)\/\/ #endregion/gs)].map(([, code = '']) => code);

/** Every imported name, with its module. */
const importsOf = (code: string): string[] =>
  [...code.matchAll(importStatement)].flatMap(([, names = '', module = '']) =>
    names.split(',').map((name) => `${name.replace('type ', '').trim()} from ${module}`),
  );

const importStatement = /^import (?:type )?\{([^}]*)\} from '([^']+)';$/gm;

/** Without imports, white space and trailing commas, which differ between a README and the inside of a test. */
const normalized = (code: string): string =>
  code
    .replaceAll(importStatement, '')
    .replaceAll(/\s+/g, '')
    .replaceAll(/,([)\]}])/g, '$1');
