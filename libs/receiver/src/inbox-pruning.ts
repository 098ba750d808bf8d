import { forgetHandled } from './inbox-store.js';
import { tell } from './tell.js';
import { tableName, type SqlTransaction } from '@hookcast/protocol/sql-transaction';

export interface InboxPruningOptions {
  /** A pool of `pg`, or the DataSource of TypeORM. */
  connection: SqlTransaction;
  /** @default 'hookcast_inbox' */
  table?: string | undefined;
  /** How long an event is remembered: longer than the broker may deliver it again. @default 14 */
  retentionDays?: number | undefined;
  /** @default an hour */
  intervalMs?: number | undefined;
  /** Told when a round failed; the next one tries again. @default console.error */
  onError?: ((error: unknown) => void) | undefined;
}

/** Forgets what was handled long ago. Any number of instances may run at the same time. */
export interface InboxPruning {
  start(): void;
  runOnce(): Promise<{ forgotten: number }>;
  stop(): Promise<void>;
}

/** Short statements: none holds locks or a snapshot for long. */
const atOnce = 1_000;
const dayMs = 86_400_000;

/** @throws {TypeError} when the table's name is none */
export function createInboxPruning(options: InboxPruningOptions): InboxPruning {
  const { connection, table = 'hookcast_inbox', retentionDays = 14, intervalMs = 3_600_000 } = options;
  const { onError = (error: unknown) => console.error('The inbox was not pruned:', error) } = options;
  tableName(table);
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let isStarted = false;

  const runOnce = async () => {
    const before = new Date(Date.now() - retentionDays * dayMs);
    let forgotten = 0;
    for (let last = atOnce; last === atOnce; forgotten += last) {
      last = await forgetHandled(connection, table, { before, limit: atOnce });
    }
    return { forgotten };
  };
  const tick = async () => {
    await runOnce().catch((error: unknown) => tell(() => onError(error)));
    if (isStarted) timer = setTimeout(begin, intervalMs).unref();
  };
  const begin = () => {
    running = tick();
  };
  return {
    runOnce,
    start: () => {
      if (isStarted) return;
      isStarted = true;
      begin();
    },
    stop: async () => {
      isStarted = false;
      clearTimeout(timer);
      await running;
    },
  };
}
