import pg from 'pg';

/** One statement that this process sent to the database. */
export interface SentStatement {
  text: string;
  values: readonly unknown[];
  /** Of its answer; of all its statements, where a text has several. */
  rows: number;
}

type Query = (...parameters: unknown[]) => unknown;

/** Runs work and tells what statements were sent meanwhile by whoever in this process, in the order of their answers. */
export async function statementsOf(work: () => Promise<unknown>): Promise<SentStatement[]> {
  const sent: SentStatement[] = [];
  const { prototype } = pg.Client;
  // eslint-disable-next-line typescript/unbound-method -- given back as it was found
  const original = prototype.query as Query;
  const watched: Query = function (this: pg.Client, ...parameters) {
    const { text, values } = statementIn(parameters);
    const note = (result: unknown) => void sent.push({ text, values, rows: rowsIn(result) });
    const callback = parameters.at(-1);
    if (typeof callback !== 'function') {
      const answer = original.apply(this, parameters);
      if (answer instanceof Promise) answer.then(note, () => {});
      return answer;
    }
    const told = (error: unknown, result: unknown) => {
      note(result);
      Reflect.apply(callback, undefined, [error, result]);
    };
    return original.apply(this, [...parameters.slice(0, -1), told]);
  };
  Object.assign(prototype, { query: watched });
  try {
    await work();
  } finally {
    Object.assign(prototype, { query: original });
  }
  return sent;
}

function statementIn([first, second]: readonly unknown[]): { text: string; values: readonly unknown[] } {
  const given = typeof first === 'string' ? { text: first, values: second } : (first as Partial<pg.QueryConfig>);
  return { text: given.text ?? '', values: Array.isArray(given.values) ? given.values : [] };
}

function rowsIn(result: unknown): number {
  if (Array.isArray(result)) return result.reduce<number>((sum, one) => sum + rowsIn(one), 0);
  const { rows } = (result ?? {}) as Partial<pg.QueryResult>;
  return rows?.length ?? 0;
}
