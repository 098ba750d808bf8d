const counting = /\b(?:count|sum)\s*\(\s*(?:\*|\d+|distinct\s[^()]*|all\s[^()]*|[\w."]+)\s*\)/i;
const aggregate = /^\s*select\s+(?:coalesce\s*\(\s*)?(?:count|sum|min|max|avg|bool_or|bool_and|\w+_agg)\s*\(/i;
const historyTable = /^(?:\w+\.)?"?(?:events|attempts)(?:_\w*)?"?$/i;
const query = /^\s*(?:--[^\n]*\n\s*)*(?:select|with|delete|insert|update)\b/i;

/** A query with its subqueries taken out: `#3` in its text stands for the fourth of them. */
interface Query {
  text: string;
  parts: Query[];
}

/**
 * Whether a statement counts rows of `events` or `attempts`: by itself, over a subquery, or over a CTE that reads them,
 * through other CTEs too. What is bounded by a limit, or is
 * one row for each of something else, may be counted.
 *
 * @param text SQL; of a template literal, what is put in has to be put in already
 */
export function countsHistory(text: string): boolean {
  return findCount(parse(text), new Map());
}

/** The SQL in a source file, with the constants that it is put together from. */
export function statementsOf(source: string): string[] {
  const constants = new Map(
    [...source.matchAll(/const (\w+) = (?:\/\* sql \*\/ )?`([^`]*)`/g)].map((at) => [at[1], at[2]]),
  );
  const filled = (text: string, depth = 3): string =>
    depth === 0
      ? text
      : filled(
          text.replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => constants.get(name) ?? whole),
          depth - 1,
        );
  return [...source.matchAll(/`([^`]*)`/g)]
    .map((match) => filled(match[1] ?? ''))
    .filter((text) => /\bfrom\b/i.test(text));
}

function parse(text: string): Query {
  const parts: Query[] = [];
  let own = '';
  for (let index = 0; index < text.length; index += 1) {
    const end = text[index] === '(' ? endOf(text, index) : -1;
    const inner = end < 0 ? '' : text.slice(index + 1, end);
    if (query.test(inner)) {
      own += `(#${parts.length})`;
      parts.push(parse(inner));
      index = end;
    } else own += text[index];
  }
  return { text: own, parts };
}

function endOf(text: string, from: number): number {
  let depth = 0;
  for (let index = from; index < text.length; index += 1) {
    if (text[index] === '(') depth += 1;
    if (text[index] === ')') depth -= 1;
    if (depth === 0) return index;
  }
  return -1;
}

/** @param known CTE → whether its rows are unbounded history */
function findCount({ text, parts }: Query, known: ReadonlyMap<string, boolean>): boolean {
  const names = new Map(known);
  const named = new Map(
    [...text.matchAll(/(\w+)\s+as\s+(?:(?:not\s+)?materialized\s+)?\(#(\d+)\)/gi)].map((at) => [at[2], at[1]]),
  );
  for (const [index, part] of parts.entries()) {
    if (findCount(part, names)) return true;
    const name = named.get(String(index));
    if (name !== undefined) names.set(name.toLowerCase(), isHistory(part, names));
  }
  return counting.test(text) && readsHistory({ text, parts }, names);
}

const isHistory = (part: Query, names: ReadonlyMap<string, boolean>): boolean =>
  !/\blimit\b/i.test(part.text) && !isOneRow(part) && readsHistory(part, names);

const isOneRow = ({ text }: Query): boolean => aggregate.test(text) && !/\bgroup\s+by\b/i.test(text);

function readsHistory({ text, parts }: Query, names: ReadonlyMap<string, boolean>): boolean {
  const clauses = text.matchAll(
    /\b(?:from|join|using)\s+([\s\S]*?)(?=\b(?:from|join|using|where|group|order|on|having|returning|union|select|set)\b|;|$)/gi,
  );
  return [...clauses].some(([, clause = '']) =>
    clause.split(',').some((item) => {
      const relation =
        item
          .trim()
          .replace(/^(?:only|lateral)\s+/i, '')
          .split(/\s+/)[0] ?? '';
      const [, subquery] = /^\(#(\d+)\)/.exec(relation) ?? [];
      if (subquery === undefined) return historyTable.test(relation) || names.get(relation.toLowerCase()) === true;
      const part = parts[Number(subquery)];
      return part !== undefined && isHistory(part, names);
    }),
  );
}
