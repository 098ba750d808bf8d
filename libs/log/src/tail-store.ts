import { rows } from '@hookcast/database';
import type pg from 'pg';

export const tailChannel = 'hookcast_tail';

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

export async function listenTail(client: pg.ClientBase): Promise<void> {
  await rows(client, /* sql */ `listen ${tailChannel}`);
}

/** Answers only over a connection that still stands. */
export async function ping(client: pg.ClientBase): Promise<void> {
  await rows(client, /* sql */ `select 1`);
}
