import type { SqlTransaction } from '@hookcast/protocol/sql-transaction';

/** As much of a pool of `pg` as a relay uses. */
export interface OutboxPool {
  connect(): Promise<OutboxClient>;
}

export interface OutboxClient extends SqlTransaction {
  on(event: 'notification', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'notification' | 'error', listener: () => void): unknown;
  /** @param destroy true to close the connection */
  release(destroy?: boolean): void;
}

export interface OutboxListener {
  /** Listens, unless it does already; without a connection there is no hint, and events are found by looking. */
  ensure(): void;
  close(): Promise<void>;
}

/** Calls back at every NOTIFY on the channel. */
export function listenTo(pool: OutboxPool, channel: string, hint: () => void): OutboxListener {
  let connected: Promise<OutboxClient | undefined> | undefined;
  const connect = async (): Promise<OutboxClient | undefined> => {
    const client = await pool.connect();
    let isOpen = true;
    const lost = () => {
      if (!isOpen) return;
      isOpen = false;
      connected = undefined;
      client.release(true);
    };
    client.on('error', lost);
    client.on('notification', hint);
    try {
      await client.query(`listen "${channel}"`);
    } catch {
      lost();
    }
    return isOpen ? client : undefined;
  };
  return {
    ensure: () => {
      connected ??= connect().catch(() => {
        connected = undefined;
        return undefined;
      });
    },
    close: async () => {
      const client = await connected;
      connected = undefined;
      // Not given back: it would go on listening.
      client?.release(true);
    },
  };
}
