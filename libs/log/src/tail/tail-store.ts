import { rows, type SqlSource } from '@hookcast/database';
import type pg from 'pg';

export const tailChannel = 'hookcast_tail';
/** Somebody has given streams away. */
export const freeChannel = 'hookcast_streams_free';

/**
 * Every NOTIFY commits under a lock of the whole cluster, the flush of its WAL included. A hint need not survive a
 * crash, so it does not wait for the disk.
 */
export async function prepareNotifySession(client: pg.ClientBase): Promise<void> {
  await rows(client, /* sql */ `select set_config('synchronous_commit', 'off', false)`);
}

export async function notifyTail(client: pg.ClientBase, payload: string): Promise<void> {
  await rows(client, /* sql */ `select pg_notify($1, $2)`, [tailChannel, payload]);
}

/** A hint for workers that streams wait for an owner, after the statement that gave them away. */
export async function notifyFree(source: SqlSource): Promise<void> {
  await rows(source, /* sql */ `select pg_notify($1, '')`, [freeChannel]);
}

export async function listenTail(client: pg.ClientBase): Promise<void> {
  for (const channel of [tailChannel, freeChannel]) await rows(client, /* sql */ `listen ${channel}`);
}

/** Answers only over a connection that still stands. */
export async function ping(client: pg.ClientBase): Promise<void> {
  await rows(client, /* sql */ `select 1`);
}
