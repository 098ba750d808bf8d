import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../support/until.js';
import { api, folder, numbered, publisher } from './spool-setup.js';

const segments = (directory: string) => readdirSync(directory).filter((name) => name.endsWith('.spool'));
const longAgo = new Date(Date.now() - 60_000);

test('many calls go into the spool and out of it in turns, so that the service is not held up', async () => {
  const broker = await api();
  const release = broker.hold();
  const bus = publisher(broker.url, folder(), { spool: { directory: '', afterMs: 200 } });
  const calls = numbered(3_000).map((id) => bus.publish('orders', { id }, { id, key: 'k' }));
  let [before, largestStep, isWatching] = [0, 0, true];
  const watch = () => {
    largestStep = Math.max(largestStep, bus.spooled.events - before);
    before = bus.spooled.events;
    if (isWatching) setImmediate(watch);
  };
  watch();
  await Promise.all(calls);
  isWatching = false;
  expect(largestStep).toBeGreaterThan(0);
  expect(largestStep).toBeLessThanOrEqual(500);
  release();
  await until(() => bus.spooled.events === 0);
  const drained = broker.requests().slice(-10);
  expect(drained.every((ids) => ids.length <= 250)).toBe(true);
  expect(broker.stored.map(({ id }) => id)).toEqual(numbered(3_000));
});

test('a disk that takes no more rejects with its error, fills with no empty files, and is used again', async () => {
  const directory = folder();
  const program = fileURLToPath(new URL('../support/full-disk-publisher.mjs', import.meta.url));
  // No file may grow over 2 KiB: writes fail half way, as on a full disk.
  const command = 'ulimit -f 2; exec "$0" "$@"';
  const text = execFileSync('bash', ['-c', command, process.execPath, program, directory], { encoding: 'utf8' });
  const refused = { reason: 'spool-failed', retryable: true, cause: 'EFBIG' };
  expect(JSON.parse(text)).toEqual({
    large: Array.from({ length: 20 }, () => refused),
    small: numbered(3).map((id) => ({ id, spooled: true })),
    waiting: 3,
  });
  expect(segments(directory)).toHaveLength(1);
  const broker = await api();
  const bus = publisher(broker.url, directory);
  await until(() => bus.spooled.events === 0);
  expect(broker.stored.map(({ id }) => id)).toEqual(numbered(3));
});

test('what is published makes room on disk even when the position cannot be written', async () => {
  const broker = await api();
  const directory = folder();
  const errors: unknown[] = [];
  const bus = publisher(broker.url, directory, {
    spool: { directory: '', segmentBytes: 200 },
    hooks: { onSpoolError: (error) => errors.push(error) },
  });
  broker.away();
  for (const id of numbered(20)) await bus.publish('orders', {}, { id });
  expect(segments(directory).length).toBeGreaterThan(5);
  mkdirSync(join(directory, 'position.json.new'));
  broker.back();
  await until(() => errors.length > 0);
  await until(() => segments(directory).length < 3);
  expect(String(errors[0])).toContain('EISDIR');
});

test('a position that is no position costs repeated publishes and not the start', async () => {
  const broker = await api();
  const directory = folder();
  broker.away();
  const before = publisher(broker.url, directory);
  await before.publish('orders', {}, { id: 'a' });
  await before.close({ timeoutMs: 0 });
  writeFileSync(join(directory, 'position.json'), '{"segment":null}');
  broker.back();
  const bus = publisher(broker.url, directory);
  await until(() => bus.spooled.events === 0);
  expect(broker.stored.map(({ id }) => id)).toEqual(['a']);
});

test('a directory that cannot be read tells why, the second time as well', async () => {
  const directory = folder();
  mkdirSync(join(directory, '00000001.spool'));
  for (let attempt = 0; attempt < 2; attempt += 1) {
    expect(() => publisher('http://127.0.0.1:9', directory)).toThrow('EISDIR');
  }
});

test('closing twice does not give away a directory that somebody else has taken meanwhile', async () => {
  const directory = folder();
  const first = publisher('http://127.0.0.1:9', directory);
  await first.close();
  publisher('http://127.0.0.1:9', directory);
  await first.close();
  expect(() => publisher('http://127.0.0.1:9', directory)).toThrow(`in use by process ${process.pid}`);
});

describe('a file that is not as it was written', () => {
  /** Spools events, one call each, changes the file between two starts, and tells what the second one makes of it. */
  async function restarted(count: number, change: (file: Buffer, starts: number[]) => Buffer) {
    const broker = await api();
    const directory = folder();
    broker.away();
    const before = publisher(broker.url, directory);
    const starts: number[] = [];
    for (const id of numbered(count)) {
      starts.push(before.spooled.bytes);
      await before.publish('orders', {}, { id });
    }
    await before.close({ timeoutMs: 0 });
    const path = join(directory, '00000001.spool');
    writeFileSync(path, change(readFileSync(path), starts));
    broker.back();
    const told: string[] = [];
    const bus = publisher(broker.url, directory, { hooks: { onDamaged: (files) => told.push(...files) } });
    await until(() => bus.spooled.events === 0);
    await bus.close();
    const kept = readdirSync(directory).filter((name) => name.endsWith('.damaged'));
    expect(told).toEqual(kept.map((name) => join(directory, name)));
    return {
      stored: broker.stored.map(({ id }) => id),
      damaged: kept.map((name) => readFileSync(join(directory, name))),
    };
  }

  test('zeros at its end, as after a power cut, are left out', async () => {
    const { stored, damaged } = await restarted(3, (file) => Buffer.concat([file, Buffer.alloc(4_096)]));
    expect(stored).toEqual(numbered(3));
    expect(damaged).toEqual([]);
  });

  test('zeros in its middle are kept and told, and what follows them is published', async () => {
    const { stored, damaged } = await restarted(3, (file, [, from, to]) => file.fill(0, from, to));
    expect(stored).toEqual(['e0', 'e2']);
    expect(damaged).toHaveLength(1);
    expect(damaged[0]?.every((byte) => byte === 0)).toBe(true);
  });

  test.each([
    ['one event is damaged, wherever it stands', 1, ['e0', 'e2', 'e3']],
    ['the last event is no torn one', 3, ['e0', 'e1', 'e2']],
  ])('a changed bit in a length costs nothing silently: %s', async (_, at, left) => {
    for (const bit of [0x01, 0x80]) {
      const { stored, damaged } = await restarted(4, (file, starts) => {
        const place = (starts[at] ?? 0) + 5;
        file[place] = (file[place] ?? 0) ^ bit;
        return file;
      });
      expect(stored).toEqual(left);
      expect(damaged.map((bytes) => bytes.includes(`"e${at}"`))).toEqual([true]);
    }
  });

  test('two damaged places are kept, and those of a later start beside them', async () => {
    const broker = await api();
    const directory = folder();
    broker.away();
    const before = publisher(broker.url, directory);
    const starts: number[] = [];
    for (const id of numbered(6)) {
      starts.push(before.spooled.bytes);
      await before.publish('orders', {}, { id });
    }
    await before.close({ timeoutMs: 0 });
    const path = join(directory, '00000001.spool');
    const harm = (at: number) => {
      const file = readFileSync(path);
      file[at] = (file[at] ?? 0) ^ 1;
      writeFileSync(path, file);
    };
    const start = async () => {
      const files: string[] = [];
      const bus = publisher(broker.url, directory, { hooks: { onDamaged: (found) => files.push(...found) } });
      await bus.close({ timeoutMs: 0 });
      return files.map((file) => file.slice(directory.length + 1));
    };
    harm((starts[1] ?? 0) + 6);
    harm((starts[3] ?? 0) + 6);
    expect(await start()).toEqual(['00000001.spool.damaged']);
    harm(6);
    expect(await start()).toEqual(['00000001.spool.2.damaged']);
    broker.back();
    const bus = publisher(broker.url, directory);
    await until(() => bus.spooled.events === 0);
    expect(broker.stored.map(({ id }) => id)).toEqual(['e2', 'e4', 'e5']);
  });
});

describe('a lock', () => {
  const dead = JSON.stringify({ pid: process.pid, started: 'before the machine was' });
  const start = (directory: string) => () => publisher('http://127.0.0.1:9', directory);

  test('of a process that is gone is taken over', () => {
    const directory = folder();
    writeFileSync(join(directory, 'lock'), dead);
    expect(start(directory)).not.toThrow();
    expect(JSON.parse(readFileSync(join(directory, 'lock'), 'utf8'))).toMatchObject({ pid: process.pid });
    expect(readdirSync(directory)).toEqual(['lock']);
  });

  test('that is being written is somebody else’s, unless that was long ago', () => {
    const directory = folder();
    writeFileSync(join(directory, 'lock'), '');
    expect(start(directory)).toThrow('in use by another process');
    utimesSync(join(directory, 'lock'), longAgo, longAgo);
    expect(start(directory)).not.toThrow();
  });

  test('that another process is taking over is its, unless it died on that', () => {
    const directory = folder();
    writeFileSync(join(directory, 'lock'), dead);
    const guard = join(directory, 'lock.taking');
    mkdirSync(guard);
    expect(start(directory)).toThrow('in use by another process');
    utimesSync(guard, longAgo, longAgo);
    expect(start(directory)).not.toThrow();
  });
});

test('a publisher that is closed half way through its spool leaves the rest to the next start, in order', async () => {
  const broker = await api();
  const directory = folder();
  broker.away();
  const before = publisher(broker.url, directory, { maxBatchEvents: 10 });
  for (const id of numbered(100)) await before.publish('orders', {}, { id });
  broker.answerAfter(20);
  broker.back();
  await until(() => before.spooled.events < 100, { what: 'the first events out of the spool' });
  const left = before.spooled.events;
  await before.close({ timeoutMs: 0 });
  const bus = publisher(broker.url, directory);
  expect(bus.spooled.events).toBeLessThanOrEqual(left);
  await until(() => bus.spooled.events === 0);
  expect(broker.stored.map(({ id }) => id)).toEqual(numbered(100));
});
