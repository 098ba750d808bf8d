// What every scenario needs: a broker process on a durable embedded Postgres, receivers, a bare baseline.
import { fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '@hookcast/database/embedded';
import pg from 'pg';
import { Pool } from 'undici';

export const adminKey = 'an-admin-key-for-benches-0123456789abcdef';
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

export async function until(condition, what, timeoutMs = 120_000) {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const value = await condition();
    if (value) return value;
    await delay(2);
  }
  throw new Error(`waited ${timeoutMs} ms for ${what}`);
}

export async function startReceiver() {
  const child = fork(here('./hook-receiver.mjs'));
  const [{ port }] = await once(child, 'message');
  const ask = async (question) => {
    child.send(question);
    const [answer] = await once(child, 'message');
    return answer;
  };
  return { url: `http://127.0.0.1:${port}/hooks`, ask, stop: () => child.disconnect() };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** @param settings of the broker, besides those that every bench needs */
export async function startRig(settings = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'hookcast-bench-'));
  const database = await startEmbeddedPostgres({ dataDir: join(folder, 'pg18') });
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  pool.on('error', () => {});
  const postmaster = await postmasterOf(pool);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(folder, 'broker.log');
  const out = openSync(logFile, 'a');
  const child = spawn(
    process.execPath,
    [...(process.env.BENCH_NODE_ARGS?.split(' ') ?? []), here('../../apps/broker/dist/main.js')],
    {
      stdio: ['ignore', out, out],
      env: {
        PATH: process.env.PATH,
        PORT: String(port),
        DATABASE_URL: database.url,
        HOOKCAST_DATA_DIR: folder,
        HOOKCAST_ADMIN_KEY: adminKey,
        HOOKCAST_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
        HOOKCAST_EGRESS_ALLOW: '127.0.0.0/8',
        ...settings,
      },
    },
  );
  closeSync(out);
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`the broker exited:\n${readFileSync(logFile, 'utf8')}`);
    return (await fetch(`${url}/health/ready`).catch(() => undefined))?.ok;
  }, 'the broker');

  const api = async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : response.json();
  };
  const stop = async () => {
    child.kill('SIGTERM');
    await once(child, 'exit');
    await pool.end();
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  /** CPU milliseconds of the broker and of its Postgres so far, user and system; undefined where there is no /proc. */
  const cpuMs = () => processTimes(child.pid)?.ownMs;
  const databaseCpuMs = () => {
    const times = processTimes(postmaster);
    if (times === undefined) return undefined;
    // Of those that have ended, the postmaster has the sum.
    return childrenOf(postmaster).reduce(
      (sum, pid) => sum + (processTimes(pid)?.ownMs ?? 0),
      times.ownMs + times.endedChildrenMs,
    );
  };
  return { url, api, pool, stop, cpuMs, databaseCpuMs };
}

async function postmasterOf(pool) {
  const { rows } = await pool.query('select pg_backend_pid() as pid');
  return processTimes(rows[0].pid)?.parent;
}

/** Milliseconds of CPU; the kernel counts in ticks of 10 ms. */
function processTimes(pid) {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number);
  return { parent: fields[1], ownMs: (fields[11] + fields[12]) * 10, endedChildrenMs: (fields[13] + fields[14]) * 10 };
}

function childrenOf(pid) {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number) : [];
}

/**
 * CPU time, which a busy machine moves less than rates: the readings so far, or with earlier ones the microseconds of
 * each of `count` pieces of work since.
 */
export function cpuUs(rig, before, count) {
  const now = { brokerCpuUs: rig.cpuMs(), databaseCpuUs: rig.databaseCpuMs() };
  if (before === undefined) return now;
  if (before.brokerCpuUs === undefined) return {};
  return Object.fromEntries(
    Object.entries(now).map(([name, ms]) => [name, round(((ms - before[name]) * 1000) / count, 1)]),
  );
}

/** Keeps `width` calls of `work` running until `total` are done; returns calls a second. */
export async function rate(total, width, work) {
  let next = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < total) await work(next++);
    }),
  );
  return total / ((performance.now() - began) / 1000);
}

/** POSTs of the same bytes with bare undici, keep-alive, 64 connections: what the machine can do without us. */
export async function barePosts(target, total, headers, body) {
  const { origin, pathname } = new URL(target);
  const client = new Pool(origin, { connections: 64 });
  const perSecond = await rate(total, 64, async () => {
    const response = await client.request({ path: pathname, method: 'POST', headers, body });
    await response.body.dump();
  });
  await client.close();
  return perSecond;
}

/** One event of 470 bytes of JSON, as in the measurements of the design. */
export function orderEvent(number, extra = {}) {
  const event = {
    orderId: number,
    customer: `customer-${number % 997}`,
    currency: 'EUR',
    total: 99.5,
    ...extra,
    note: '',
  };
  event.note = 'x'.repeat(470 - JSON.stringify(event).length);
  return event;
}

export const round = (value, digits = 0) => Number(value.toFixed(digits));
export const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
