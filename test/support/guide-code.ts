import { readFileSync } from 'node:fs';

/** The programs that a migration guide takes its code from. */
export interface GuidePrograms {
  before: readonly URL[];
  after: readonly URL[];
}

/**
 * The code of a guide that does not stand in its programs: a block of TypeScript has to stand in one of them as it is; of a
 * diff, what goes and stays in one of those before, what stays and comes in one of those after.
 */
export function strayCode(guide: URL, { before, after }: GuidePrograms): string[] {
  const [old, next] = [before, after].map((urls) => urls.map((url) => squeezed(readFileSync(url, 'utf8'))));
  const standsIn = (programs: readonly string[] = [], code: string) =>
    programs.some((program) => program.includes(squeezed(code)));
  return blocksOf(readFileSync(guide, 'utf8')).flatMap(({ language, code }) => {
    if (language === 'ts') return standsIn([...(old ?? []), ...(next ?? [])], code) ? [] : [code];
    return standsIn(old, side(code, '-')) && standsIn(next, side(code, '+')) ? [] : [code];
  });
}

/** In a list a block is indented as a whole. */
export const blocksOf = (guide: string): { language: string; code: string }[] =>
  [...guide.matchAll(/^( *)```(ts|diff)\n(.*?)^ *```$/gms)].map(([, indent = '', language = '', code = '']) => ({
    language,
    code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));

const side = (diff: string, sign: '-' | '+'): string =>
  diff
    .split('\n')
    .filter((line) => line.startsWith(sign) || line.startsWith(' '))
    .map((line) => line.slice(1))
    .join('\n');

/** Line breaks and trailing commas depend on how deep the code stands. */
const squeezed = (code: string): string => code.replaceAll(/\s+/g, '').replaceAll(/,([)\]}])/g, '$1');
