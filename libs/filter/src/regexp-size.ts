/**
 * An upper estimate of the instructions that RE2 makes of a pattern: a counted repetition writes its operand out that
 * often, so `(a{10}){10}` is 100. RE2's time per character of the text grows with this number, and with nothing else.
 */
export function patternSize(pattern: string): number {
  const groups: { total: number; last: number }[] = [{ total: 0, last: 0 }];
  for (const [token] of pattern.matchAll(tokens)) {
    const group = groups.at(-1);
    if (group === undefined) break;
    if (token.startsWith('(')) groups.push({ total: 2, last: 0 });
    else if (token === ')') closeGroup(groups);
    else if (token.startsWith('{') && token.endsWith('}')) repeat(group, countOf(token));
    else append(group, token.startsWith('\\p') || token.startsWith('\\P') ? 8 : 1);
  }
  return groups.reduce((sum, { total }) => sum + total, 0);
}

/** An escape, a class, a counted repetition, the start of a group, or one character. */
const tokens =
  /\\[pP](?:\{[^}]*\}|.)|\\x\{[^}]*\}|\\.|\[\^?\]?(?:\\.|\[:[^\]]*:\]|[^\]])*\]|\{[0-9]+(?:,[0-9]*)?\}|\(\?P?<[^>]*>|\((?:\?[a-zA-Z-]*:?)?|[^]/gu;

function append(group: { total: number; last: number }, size: number): void {
  group.total += size;
  group.last = size;
}

function repeat(group: { total: number; last: number }, count: number): void {
  group.total += group.last * (count - 1);
  group.last *= count;
}

function closeGroup(groups: { total: number; last: number }[]): void {
  if (groups.length < 2) return;
  const closed = groups.pop();
  const outer = groups.at(-1);
  if (closed !== undefined && outer !== undefined) append(outer, closed.total);
}

function countOf(token: string): number {
  const [least, most] = token.slice(1, -1).split(',');
  return Math.max(1, Number(most === undefined || most === '' ? least : most));
}
