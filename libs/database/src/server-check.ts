import pg from 'pg';
import { connectTimeoutMs } from './data-pool.js';
import { directSession, probeSession, readServerFacts, type ServerFacts, type SessionFacts } from './server-store.js';

export type ServerCheck =
  | { kind: 'ok'; /** Major version, 15 or newer. */ version: number }
  | {
      kind: 'refused';
      /** All reasons, one sentence each. */ reasons: string[];
      /** The same as one text. */ reason: string;
    };

export interface ServerCheckOptions {
  /** For tests, and for storage that is durable without fsync. @default false */
  allowFsyncOff?: boolean;
}

const oldestMajor = 15;

/**
 * Says whether this server may hold an event log: reachable, new enough, durable, writable. Names every reason
 * at once, so that an operator does not fix one per start.
 */
export async function checkServer(url: string, options: ServerCheckOptions = {}): Promise<ServerCheck> {
  let facts: ServerFacts & SessionFacts;
  try {
    facts = await inspect(url);
  } catch (error) {
    return refused([`Postgres cannot be reached: ${error instanceof Error ? describe(error) : String(error)}`]);
  }
  const reasons = objections(facts, options);
  return reasons.length > 0 ? refused(reasons) : { kind: 'ok', version: Math.floor(facts.versionNumber / 10_000) };
}

/** Why a server with these facts must not hold an event log; empty when it may. */
export function objections(
  facts: Omit<ServerFacts, 'backendPid'> & SessionFacts,
  { allowFsyncOff = false }: ServerCheckOptions = {},
): string[] {
  const major = Math.floor(facts.versionNumber / 10_000);
  const rules: [boolean, string][] = [
    [major < oldestMajor, `Postgres ${major} is too old: version ${oldestMajor} or newer is needed.`],
    [
      facts.fsync !== 'on' && !allowFsyncOff,
      'fsync is off: an acknowledged event would not survive a power failure. Set fsync = on and restart the server.',
    ],
    [facts.standby, 'The server is a standby (in recovery): point DATABASE_URL to the primary.'],
    [
      facts.readOnly && !facts.standby,
      'Transactions are read-only here (default_transaction_read_only): use a writable server and role.',
    ],
    [facts.encoding !== 'UTF8', `The database is encoded in ${facts.encoding}: create one with encoding UTF8.`],
    [facts.schema === null, 'No schema of search_path exists: create one, or correct search_path.'],
    [
      facts.schema !== null && !facts.mayCreate,
      `The role may not create tables in schema "${facts.schema}": grant create on schema "${facts.schema}" to it, or make it the owner of the database.`,
    ],
    [
      facts.sharedSessions && !['on', 'remote_apply'].includes(facts.synchronousCommit),
      `A pooler in transaction mode is in between and synchronous_commit is ${facts.synchronousCommit} by default: ` +
        'what a connection sets for itself does not hold. Use session mode or a direct URL, or alter role ... set synchronous_commit = on.',
    ],
    [
      !facts.preparedStatements,
      'The pooler in between loses prepared statements: use session mode, a direct URL, or PgBouncer 1.21 or newer with max_prepared_statements set.',
    ],
  ];
  return rules.filter(([broken]) => broken).map(([, reason]) => reason);
}

async function inspect(url: string): Promise<ServerFacts & SessionFacts> {
  const client = quietClient(url);
  await client.connect();
  try {
    const facts = await readServerFacts(client);
    // The key data of a connection carry the pid of what it talks to: another one than the session's is a pooler.
    const pooled = 'processID' in client && client.processID !== facts.backendPid;
    return { ...facts, ...(pooled ? await probeThroughPooler(client, url) : directSession) };
  } finally {
    await client.end();
  }
}

async function probeThroughPooler(client: pg.Client, url: string): Promise<SessionFacts> {
  const other = quietClient(url);
  await other.connect();
  try {
    return await probeSession(client, other);
  } finally {
    await other.end();
  }
}

function quietClient(url: string): pg.Client {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'hookcast-check',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: connectTimeoutMs,
  });
  client.on('error', () => {});
  return client;
}

/** An AggregateError (localhost over IPv4 and IPv6) has an empty message of its own. */
function describe(error: Error): string {
  const parts = error instanceof AggregateError ? error.errors.map(String) : [error.message];
  return parts.join('; ');
}

function refused(reasons: string[]): ServerCheck {
  return { kind: 'refused', reasons, reason: reasons.join(' ') };
}
