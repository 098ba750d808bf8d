import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { adminKey } from '../support/broker.js';
import { until } from '../support/until.js';

const program = fileURLToPath(new URL('../../apps/broker/dist/main.js', import.meta.url));

export interface NodeSettings {
  role: 'api' | 'worker';
  name: string;
  port: number;
  /** Of its log and its data. */
  folder: string;
  databaseUrl: string;
  encryptionKey: string;
  /** Takes itself for one on another machine: nobody can tell from its process id whether it lives. */
  isElsewhere: boolean;
}

/** One process of the broker. */
export class Node {
  readonly url: string;
  private child: ChildProcess | undefined;

  constructor(private readonly settings: NodeSettings) {
    this.url = `http://127.0.0.1:${settings.port}`;
  }

  get name(): string {
    return this.settings.name;
  }

  get isElsewhere(): boolean {
    return this.settings.isElsewhere;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number {
    return this.child?.pid ?? -1;
  }

  /** Resident memory in MiB. */
  get rssMb(): number {
    const line = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    return Math.round(Number(line?.[1] ?? 0) / 1024);
  }

  async start(): Promise<void> {
    const { role, name, port, folder, databaseUrl, encryptionKey, isElsewhere } = this.settings;
    const out = openSync(join(folder, `${name}.log`), 'a');
    const dataDir = join(folder, name);
    mkdirSync(dataDir, { recursive: true });
    const disguise = isElsewhere ? ['--import', hostNamed(`${name}.elsewhere`)] : [];
    const child = spawn(process.execPath, [...disguise, program], {
      stdio: ['ignore', out, out],
      env: {
        PATH: process.env['PATH'],
        PORT: String(port),
        DATABASE_URL: databaseUrl,
        HOOKCAST_DATA_DIR: dataDir,
        HOOKCAST_ROLE: role,
        HOOKCAST_ADMIN_KEY: adminKey,
        HOOKCAST_ENCRYPTION_KEY: encryptionKey,
        HOOKCAST_EGRESS_ALLOW: '127.0.0.0/8',
        HOOKCAST_MAX_HOOK_TIMEOUT_MS: '15000',
      },
    });
    closeSync(out);
    this.child = child;
    await until(async () => !this.isRunning || this.isReady(), { timeoutMs: 120_000, what: `${name} to be ready` });
    if (!this.isRunning) throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}:\n${this.log()}`);
  }

  signal(name: NodeJS.Signals): void {
    this.child?.kill(name);
  }

  /** @returns its exit code; null when a signal ended it */
  async end(name: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (!child || !this.isRunning) return child?.exitCode ?? null;
    const exited = once(child, 'exit');
    child.kill(name);
    await exited;
    return child.exitCode;
  }

  log(): string {
    return readFileSync(join(this.settings.folder, `${this.name}.log`), 'utf8');
  }

  /** Lines of its log so far that tell of this. */
  told(event: string): number {
    return this.log()
      .split('\n')
      .filter((line) => line.includes(event)).length;
  }

  /** When its log told of this, unix milliseconds. */
  toldAt(event: string): number[] {
    const lines = this.log()
      .split('\n')
      .filter((line) => line.includes(event) && line.endsWith('}'));
    return lines.map((line) => Date.parse((JSON.parse(line) as { time: string }).time));
  }

  private async isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/health/ready`)).ok;
    } catch {
      return false;
    }
  }
}

/** A module that gives the machine another name, which is part of who a worker is to the others. */
function hostNamed(name: string): string {
  return `data:text/javascript,${encodeURIComponent(
    `import os from 'node:os'; import { syncBuiltinESMExports } from 'node:module';
     os.hostname = () => ${JSON.stringify(name)}; syncBuiltinESMExports();`,
  )}`;
}
