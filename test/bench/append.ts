// How fast the log takes events: `node --conditions=@hookcast/source --import ./test/support/typescript-hooks.mjs
// test/bench/append.ts [events per append ...]`. An embedded, durable Postgres (fsync on) of its own, in the same process tree.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createDataPool, migrate } from '@hookcast/database';
import { startEmbeddedPostgres } from '@hookcast/database/embedded';
import { Appender, createStreams, ensureDays, loadStreams, type NewEvent, type TopicRef } from '@hookcast/log';
import { uuidv7 } from '@hookcast/protocol';

const data = Buffer.from(
  JSON.stringify({ orderId: 'o-1', customer: { name: 'Ada' }, note: 'x'.repeat(1000) }).slice(0, 468) + '"}',
);
const tickMs = 10; // of /proc/<pid>/stat

function event(): NewEvent {
  return {
    id: uuidv7(),
    type: 'bench.append',
    source: '/topics/bench.append',
    contentType: 'application/json',
    attributes: {},
    data,
  };
}

interface ProcessTimes {
  parent: number;
  own: number;
  endedChildren: number;
}

/** Undefined when it ended. Source: proc(5), /proc/pid/stat: 4 ppid, 14 utime, 15 stime, 16 cutime, 17 cstime. */
function timesOf(pid: number): ProcessTimes | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const field = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = (...numbers: number[]) => numbers.reduce((sum, number) => sum + Number(field[number - 3]), 0);
    return { parent: ticks(4), own: ticks(14, 15) * tickMs, endedChildren: ticks(16, 17) * tickMs };
  } catch {
    return undefined;
  }
}

/** CPU milliseconds of a Postgres server and its backends. */
function postgresCpu(postmaster: number): number {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  const backends = pids.map(timesOf).filter((times) => times?.parent === postmaster);
  const server = timesOf(postmaster);
  const running = backends.reduce((sum, times) => sum + (times?.own ?? 0), 0);
  return running + (server?.own ?? 0) + (server?.endedChildren ?? 0);
}

const percentile = (sorted: readonly number[], share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;

const dataDir = mkdtempSync(join(tmpdir(), 'hookcast-bench-'));
const server = await startEmbeddedPostgres({
  dataDir: join(dataDir, 'postgres'),
  durable: true,
  settings: JSON.parse(process.env['BENCH_SETTINGS'] ?? '{}'),
});
await migrate(server.url);
const pool = createDataPool(server.url, { max: 4 });
await ensureDays(pool, new Date(Date.now() - 86_400_000), 3);
await pool.query("insert into topics (name, partitions) values ('bench.append', 4)");
await createStreams(pool, 1, { from: 0, to: 4 });
const topic: TopicRef = { topicId: 1, name: 'bench.append', retentionDays: 7, streams: await loadStreams(pool) };

async function measure(perAppend: number, concurrency: number): Promise<void> {
  const appender = new Appender({ pool });
  const latencies: number[] = [];
  const publishUntil = async (end: number) => {
    let appended = 0;
    while (performance.now() < end) {
      const began = performance.now();
      const result = await appender.append(topic, Array.from({ length: perAppend }, event));
      if (result.kind !== 'appended') throw new Error(JSON.stringify(result));
      latencies.push(performance.now() - began);
      appended += perAppend;
    }
    return appended;
  };
  const run = async (ms: number) => {
    const end = performance.now() + ms;
    const counts = await Promise.all(Array.from({ length: concurrency }, async () => publishUntil(end)));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  await run(500);
  latencies.length = 0;
  const lsn = async () => (await pool.query('select pg_current_wal_insert_lsn()::text as lsn')).rows[0].lsn as string;
  const before = { lsn: await lsn(), cpu: postgresCpu(server.pid), own: process.cpuUsage(), at: performance.now() };
  const events = await run(Number(process.env['BENCH_MS'] ?? 3000));
  const seconds = (performance.now() - before.at) / 1000;
  const own = process.cpuUsage(before.own);
  const cpu = postgresCpu(server.pid) - before.cpu;
  const wal = await pool.query('select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1)::float8 as bytes', [
    before.lsn,
  ]);
  latencies.sort((a, b) => a - b);
  const row = {
    perAppend,
    concurrency,
    'events/s': Math.round(events / seconds),
    'p50 ms': percentile(latencies, 0.5).toFixed(2),
    'p99 ms': percentile(latencies, 0.99).toFixed(2),
    'wal B': Math.round(wal.rows[0].bytes / events),
    'pg cpu us': ((cpu * 1000) / events).toFixed(1),
    'node cpu us': ((own.user + own.system) / events).toFixed(1),
  };
  console.log(
    Object.entries(row)
      .map(([name, value]) => `${name} ${String(value).padStart(6)}`)
      .join('  '),
  );
  await appender.stop();
}

try {
  console.log(`Postgres ${server.version}, ${data.length} bytes of data`);
  const sizes = process.argv.slice(2).map(Number);
  const widths = (process.env['BENCH_WIDTHS'] ?? '1,16,64,256').split(',').map(Number);
  for (const perAppend of sizes.length > 0 ? sizes : [1, 10, 100]) {
    for (const concurrency of widths) await measure(perAppend, concurrency);
  }
} finally {
  await pool.end();
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
