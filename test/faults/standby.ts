import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chownSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@hookcast/database/embedded';
import pg from 'pg';
import { databaseProxy, type DatabaseProxy } from '../support/database-proxy.js';

export interface Standby {
  server: EmbeddedPostgres;
  dataDir: string;
  /** What the standby follows its primary by. */
  link: DatabaseProxy;
  /** Makes it the primary, and waits until it is. */
  promote(): Promise<void>;
}

/**
 * A standby made from a backup of a running server, which then follows it by streaming replication. There is no
 * pg_basebackup among the embedded programs: this does what that does.
 *
 * @param primaryDir data dir of the primary
 * @param dataDir of the standby; made here
 */
export async function followServer(primary: EmbeddedPostgres, primaryDir: string, dataDir: string): Promise<Standby> {
  const link = await databaseProxy(primary.url);
  const name = `pg${primary.version.split('.')[0]}`;
  const cluster = join(dataDir, name);
  mkdirSync(dataDir, { recursive: true });
  const label = await copyRunning(primary, join(primaryDir, name), cluster);
  const { uid, gid } = statSync(cluster);
  for (const [file, text] of [
    ['backup_label', label],
    ['standby.signal', ''],
  ] as const) {
    writeFileSync(join(cluster, file), text);
    // Run as root, Postgres has another account than the tests.
    chownSync(join(cluster, file), uid, gid);
  }
  const { hostname, port, username } = new URL(link.url);
  appendFileSync(
    join(cluster, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=${hostname} port=${port} user=${username} sslmode=disable'\nsynchronous_standby_names = ''\n`,
  );
  const server = await startEmbeddedPostgres({ dataDir });
  return { server, dataDir, link, promote: async () => promote(server) };
}

/** @returns the label that says from where on the copy has to be replayed */
async function copyRunning(primary: EmbeddedPostgres, from: string, to: string): Promise<string> {
  const client = new pg.Client({ connectionString: primary.url });
  await client.connect();
  try {
    await client.query(`select pg_backup_start('faults', true)`);
    await copyFolder(from, to);
    const stopped = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
    return stopped.rows[0]?.labelfile ?? '';
  } finally {
    await client.end();
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  const copy = spawn('cp', ['-a', from, to], { stdio: 'ignore' });
  // Some files are gone before they could be copied: what matters of them is in the WAL.
  await once(copy, 'exit');
  for (const name of ['postmaster.pid', 'postmaster.opts', 'backup_label', 'standby.signal'])
    rmSync(join(to, name), { force: true });
}

async function promote(server: EmbeddedPostgres): Promise<void> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    const answer = await client.query<{ promoted: boolean }>('select pg_promote(true, 60) as promoted');
    if (answer.rows[0]?.promoted !== true) throw new Error('The standby was not promoted');
  } finally {
    await client.end();
  }
}
