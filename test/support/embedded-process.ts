import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { EmbeddedEvent, EmbeddedPostgresOptions } from '@hookcast/database/embedded';
import { until } from './until.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const program = path.join(root, 'test/support/embedded-program.mjs');
const builtModule = path.join(root, 'libs/database/dist/embedded.js');

interface Ready {
  url: string;
  socketDir: string;
  pid: number;
  version: string;
  owner: boolean;
  logFile: string;
  /** Milliseconds from the call to a server that accepts connections. */
  ms: number;
}

interface Line {
  log?: string;
  event?: EmbeddedEvent;
  ready?: Ready;
  failed?: string;
  rows?: Record<string, unknown>[];
  error?: string;
  stopped?: boolean;
}

export interface EmbeddedProcess {
  child: ChildProcess;
  lines: Line[];
  /** @throws Error with what the program said when it did not start. */
  ready(): Promise<Ready>;
  failure(): Promise<string>;
  event<K extends EmbeddedEvent['kind']>(kind: K, nth?: number): Promise<Extract<EmbeddedEvent, { kind: K }>>;
  /** Undefined when the statement failed. */
  query(sql: string): Promise<Record<string, unknown>[] | undefined>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export interface LaunchOptions {
  options: Pick<EmbeddedPostgresOptions, 'dataDir' | 'durable' | 'settings' | 'account'>;
  /** Starts the program through e.g. setpriv. */
  prefix?: string[];
  /** The built module, when it is another copy than ours. */
  module?: string;
  program?: string;
  env?: Record<string, string>;
}

/** Survives kill -9 of every process, though not of the machine: fsync only costs time where disks are shared. */
export const withoutFsync = { durable: false, settings: { synchronous_commit: 'on' } };

const started = new Set<EmbeddedProcess>();

export function launchProgram(launch: LaunchOptions): EmbeddedProcess {
  const argument = JSON.stringify({ module: launch.module ?? builtModule, options: launch.options });
  const command = [...(launch.prefix ?? []), process.execPath, launch.program ?? program, argument];
  const child = spawn('/usr/bin/env', command, {
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...launch.env },
  });
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on('line', (text) => lines.push(parseLine(text)));
  createInterface({ input: child.stderr }).on('line', (text) => lines.push({ log: text }));
  const running = controls(child, lines);
  started.add(running);
  return running;
}

function controls(child: ChildProcess, lines: Line[]): EmbeddedProcess {
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const said = <T>(pick: (line: Line) => T | undefined, what: string, from = 0) =>
    until(
      () =>
        lines
          .slice(from)
          .map(pick)
          .find((found) => found !== undefined) ?? (ended() ? fail(what) : undefined),
      {
        what,
        timeoutMs: 15_000,
      },
    );
  const fail = (what: string): never => {
    throw new Error(`The program ended before ${what}: ${JSON.stringify(lines)}`);
  };
  const tell = (command: object) => child.stdin?.write(`${JSON.stringify(command)}\n`);
  return {
    child,
    lines,
    ready: () => said((line) => line.ready, 'being ready'),
    failure: () =>
      until(() => lines.find((line) => line.failed !== undefined)?.failed, { what: 'a failure', timeoutMs: 15_000 }),
    event: (kind, nth = 1) =>
      until(() => lines.flatMap((line) => (line.event && isKind(line.event, kind) ? [line.event] : []))[nth - 1], {
        what: `event ${kind}; so far ${JSON.stringify(lines)}`,
        timeoutMs: 15_000,
      }),
    query: async (sql) => {
      const from = lines.length;
      tell({ sql });
      const answer = await said((line) => (line.rows || line.error ? line : undefined), sql, from);
      return answer.rows;
    },
    stop: async () => {
      tell({ stop: true });
      await until(ended, { what: 'the program to stop', timeoutMs: 15_000 });
    },
    kill: async () => {
      child.kill('SIGKILL');
      await until(ended, { what: 'the program to end' });
    },
  };
}

function isKind<K extends EmbeddedEvent['kind']>(
  event: EmbeddedEvent,
  kind: K,
): event is Extract<EmbeddedEvent, { kind: K }> {
  return event.kind === kind;
}

function parseLine(text: string): Line {
  try {
    return JSON.parse(text);
  } catch {
    return { log: text };
  }
}

/** Data dirs for one test file: empty ones, and copies of one that was made by initdb beforehand. */
export class DataDirs {
  private readonly made: string[] = [];
  private prepared = '';

  async prepare(): Promise<void> {
    buildDatabase();
    this.prepared = path.join(temporaryDir('prepared'), 'data');
    const first = launchProgram({ options: { dataDir: this.prepared, durable: false } });
    await first.ready();
    await first.query('create table kept (id int)');
    await first.stop();
  }

  empty(name: string): string {
    const dataDir = path.join(temporaryDir(name), 'data');
    this.made.push(dataDir);
    return dataDir;
  }

  copy(name: string): string {
    const dataDir = this.empty(name);
    spawnSync('cp', ['-a', this.prepared, dataDir]);
    return dataDir;
  }

  /** Ends what a failed test has left, and insists that a passed one has left nothing. */
  async cleanUp(): Promise<void> {
    const socketDirs = [...started].flatMap((each) => each.lines.flatMap((line) => line.ready?.socketDir ?? []));
    await Promise.all([...started].map((each) => each.kill()));
    started.clear();
    for (const dataDir of this.made.splice(0)) {
      const gone = () => processesMentioning(dataDir).length === 0;
      await until(gone, { what: `every process on ${dataDir} to end`, timeoutMs: 10_000 }).finally(() =>
        killInside(dataDir),
      );
      fs.rmSync(path.dirname(dataDir), { recursive: true, force: true });
    }
    for (const socketDir of socketDirs.splice(0)) fs.rmSync(socketDir, { recursive: true, force: true });
  }

  dispose(): void {
    fs.rmSync(path.dirname(this.prepared), { recursive: true, force: true });
  }
}

/** A directory of the test's own that other accounts may enter. */
export function temporaryDir(name: string): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), `hookcast-test-${process.pid}-${name}-`));
  fs.chmodSync(dir, 0o755);
  return dir;
}

/** The program under test is the built one: bring dist up to date. */
function buildDatabase(): void {
  const built = spawnSync(
    process.execPath,
    [path.join(root, 'node_modules/typescript/bin/tsc'), '-b', 'libs/database'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  if (built.status !== 0) throw new Error(built.stdout);
}

/** Zombies, which nobody has asked for their exit status, are dead. */
export function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

/** Sessions that have lost their server mention nothing any more, but still stand in its directory. */
function killInside(directory: string): void {
  if (process.platform !== 'linux') return;
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (fs.readlinkSync(`/proc/${pid}/cwd`).startsWith(directory)) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // ended meanwhile, or not ours to look at
    }
  }
}

/** Commands of running processes that mention the text, ourselves excepted. */
export function processesMentioning(text: string): { pid: number; command: string }[] {
  const listed = spawnSync('ps', ['-eww', '-o', 'pid=,stat=,command='], { encoding: 'utf8' });
  return listed.stdout
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line))
    .flatMap((match) => (match ? [{ pid: Number(match[1]), stat: match[2] ?? '', command: match[3] ?? '' }] : []))
    .filter(({ pid, stat, command }) => command.includes(text) && pid !== process.pid && !stat.startsWith('Z'));
}
