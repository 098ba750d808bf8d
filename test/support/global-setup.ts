import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createDataPool, migrate } from '@hookcast/database';
import { startEmbeddedPostgres } from '@hookcast/database/embedded';
import { ensureDays } from '@hookcast/log';
import type { TestProject } from 'vitest/node';
import { asAdmin, databaseUrl } from './database.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A URL that may create databases on the server of this run. */
    adminUrl: string;
    /** The migrated database that `createTestDatabase` copies. */
    templateName: string;
  }
}

const runKey = Symbol.for('hookcast.test-server');
type Shared = { [runKey]?: { server?: Promise<TestServer>; users: number } };

interface TestServer {
  adminUrl: string;
  templateName: string;
  stop: () => Promise<void>;
}

/** vitest calls this once per project, and loads it anew each time: all projects of a run share one server. */
const shared: { server?: Promise<TestServer>; users: number } = ((globalThis as Shared)[runKey] ??= { users: 0 });

/**
 * One Postgres per run, in a directory of its own, so that several runs at once never meet: embedded with fsync
 * off, or the server of TEST_DATABASE_URL. Migrates one template database; each test file gets a copy of it.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.users += 1;
  shared.server ??= startWithTemplate();
  const { adminUrl, templateName, stop } = await shared.server;
  project.provide('adminUrl', adminUrl);
  project.provide('templateName', templateName);
  return async () => {
    shared.users -= 1;
    if (shared.users === 0) await stop();
  };
}

async function startWithTemplate(): Promise<TestServer> {
  const server = await startServer();
  const templateName = `hookcast_template_${process.pid}_${randomBytes(4).toString('hex')}`;
  await asAdmin(server.adminUrl, `create database ${templateName}`);
  await migrateTemplate(databaseUrl(server.adminUrl, templateName));
  return {
    adminUrl: server.adminUrl,
    templateName,
    stop: async () => {
      await asAdmin(server.adminUrl, `drop database if exists ${templateName} with (force)`);
      await server.stop();
    },
  };
}

async function startServer(): Promise<{ adminUrl: string; stop: () => Promise<void> }> {
  const external = process.env['TEST_DATABASE_URL'];
  if (external) return { adminUrl: external, stop: async () => {} };
  removeLeftovers();
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), `hookcast-test-${process.pid}-`));
  fs.chmodSync(dataDir, 0o755); // run as root, Postgres has another account than the tests
  const server = await startEmbeddedPostgres({ dataDir, durable: false, settings: { max_connections: '300' } });
  return {
    adminUrl: server.url,
    stop: async () => {
      await server.stop();
      fs.rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function migrateTemplate(url: string): Promise<void> {
  await migrate(url);
  const pool = createDataPool(url, { max: 1 });
  await ensureDays(pool, new Date(Date.now() - 2 * 86_400_000), 6);
  await pool.end();
}

/** Directories of runs that were killed: their Postgres is gone (its watchdog stopped it), the files are not. */
function removeLeftovers(): void {
  for (const name of fs.readdirSync(os.tmpdir())) {
    const pid = Number(/^hookcast-test-(\d+)-/.exec(name)?.[1]);
    if (!pid || isRunning(pid)) continue;
    // two runs may start, and clean up, at the same time; a directory of another user stays
    fs.promises.rm(path.join(os.tmpdir(), name), { recursive: true, force: true }).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
