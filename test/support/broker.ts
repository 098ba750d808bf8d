import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './until.js';

export const adminKey = 'an-admin-key-for-tests-0123456789abcdef';

/** A broker of its own process, from the built files, on an embedded Postgres under a temporary data dir. */
export interface BrokerProcess {
  readonly url: string;
  readonly dataDir: string;
  readonly pid: number;
  start(): Promise<{ readyMs: number }>;
  kill(signal: NodeJS.Signals): Promise<number | null>;
  log(): string;
  api(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  /** Stops it and removes the data dir. */
  remove(): Promise<void>;
}

/** A port below those that systems give to connections, one of which would be gone again before somebody listens on it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

export async function brokerProcess(settings: Record<string, string> = {}): Promise<BrokerProcess> {
  const dataDir = mkdtempSync(join(tmpdir(), 'hookcast-broker-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(dataDir, 'broker.log');
  let child: ChildProcess | undefined;

  const api = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${adminKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  };

  const start = async () => {
    const began = Date.now();
    const out = openSync(logFile, 'a');
    child = spawn(process.execPath, [fileURLToPath(new URL('../../apps/broker/dist/main.js', import.meta.url))], {
      stdio: ['ignore', out, out],
      env: {
        PATH: process.env['PATH'],
        PORT: String(port),
        HOOKCAST_DATA_DIR: dataDir,
        HOOKCAST_ADMIN_KEY: adminKey,
        ...settings,
      },
    });
    closeSync(out);
    const started = child;
    await until(() => started.exitCode !== null || ready(url), { timeoutMs: 120_000, what: 'the broker to be ready' });
    if (started.exitCode !== null)
      throw new Error(`the broker exited with ${started.exitCode}:\n${readFileSync(logFile, 'utf8')}`);
    return { readyMs: Date.now() - began };
  };

  const kill = async (signal: NodeJS.Signals) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
    return child.exitCode;
  };

  return {
    url,
    dataDir,
    get pid() {
      return child?.pid ?? -1;
    },
    start,
    kill,
    api,
    log: () => readFileSync(logFile, 'utf8'),
    remove: async () => {
      await kill('SIGTERM');
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function ready(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/ready`)).ok;
  } catch {
    return false;
  }
}
