import { randomBytes } from 'node:crypto';
import type pg from 'pg';

/** A text that is nowhere by chance. */
export const canary = (name: string): string => `canary-${name}-${randomBytes(9).toString('hex')}`;

/** A secret as it is, and as it looks in the encodings that are used here. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [secret, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('hex'), encodeURIComponent(secret)];
}

/** The names of those that are in a text. */
export function foundIn(text: string, among: Record<string, string>): string[] {
  return Object.entries(among)
    .filter(([, secret]) => secret !== '' && formsOf(secret).some((form) => text.includes(form)))
    .map(([name]) => name);
}

/** All rows of all tables, bytes as the characters that they are. */
export async function tables(pool: pg.Pool): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ name: string }>(
    `select quote_ident(relname) as name from pg_class c join pg_namespace n on n.oid = relnamespace
     where nspname = 'public' and relkind in ('r', 'p') and not relispartition`,
  );
  const texts = new Map<string, string>();
  for (const { name } of rows) {
    const found = await pool.query<Record<string, unknown>>(`select * from ${name}`);
    const values = found.rows.flatMap((row) => Object.values(row));
    texts.set(
      name,
      values.map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : JSON.stringify(value))).join('\n'),
    );
  }
  return texts;
}

/** What a stream of the API says, from now on. */
export function listenTo(
  url: string,
  authorization: string,
): { text: () => string; opened: Promise<void>; close(): Promise<void> } {
  const stop = new AbortController();
  let heard = '';
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const reading = (async () => {
    const response = await fetch(url, { headers: { authorization }, signal: stop.signal });
    for await (const chunk of response.body ?? []) {
      heard += Buffer.from(chunk).toString('utf8');
      open();
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return {
    text: () => heard,
    opened,
    close: async () => {
      stop.abort();
      await reading;
    },
  };
}
