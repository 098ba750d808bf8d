import fs from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { acquire, type Claim, type Hold } from './acquire.js';
import { hasEnded } from './postmaster-file.js';
import { stopServer } from './postmaster.js';
import type { Endpoint } from './server-settings.js';
import { removeSocketDir } from './socket-dir.js';

/** What happens to the server while the program runs. */
export type EmbeddedEvent =
  /** This process runs the server and it accepts connections. */
  | { kind: 'started'; pid: number; durationMs: number }
  /** Another process runs the server; this one only uses it. */
  | { kind: 'attached'; pid: number; ownerPid: number }
  /** The server ended without this process having stopped it. */
  | { kind: 'lost'; pid: number; how: string }
  /** The process that ran the server has ended, or stopped it; this process runs it now. */
  | { kind: 'owner-gone'; ownerPid: number }
  | { kind: 'restart-failed'; reason: string; retryInMs: number }
  | { kind: 'stopped' };

export type SupervisorOptions = Omit<Claim, 'cancelled' | 'formerOwner'> & { onEvent: (event: EmbeddedEvent) => void };

const pollMs = 200;
const heartbeatMs = 1_000;
const longestBackoffMs = 10_000;

/**
 * Keeps one server running for this process: starts it and restarts it when it dies, or attaches to the one that
 * another process runs on the same data dir, and takes over when that process is gone.
 */
export class Supervisor {
  private hold: Hold | undefined;
  private recovery: Promise<void> = Promise.resolve();
  private stopped: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** Where the server is, for as long as this process lives: its pools have the URL. */
  private endpoint: Endpoint;

  constructor(private readonly options: SupervisorOptions) {
    this.endpoint = options.endpoint;
  }

  /** The server in use; undefined while it is away. */
  get current(): Hold | undefined {
    return this.hold;
  }

  /** @throws Error in words for an operator when the server cannot be started. */
  async start(): Promise<void> {
    await this.obtain();
  }

  /** Stops the server when this process runs it, detaches otherwise. A second call waits for the first. */
  stop(): Promise<void> {
    this.stopped ??= this.shutDown();
    return this.stopped;
  }

  private async obtain(formerOwner?: Claim['formerOwner']): Promise<void> {
    const since = performance.now();
    const cancelled = () => this.stopped !== undefined;
    const hold = await acquire({ ...this.options, endpoint: this.endpoint, formerOwner, cancelled });
    if (!hold) return;
    this.hold = hold;
    this.watch(hold);
    if (hold.kind === 'attached') {
      this.endpoint = hold.endpoint;
      this.report({ kind: 'attached', pid: hold.pid, ownerPid: hold.owner.pid });
    } else {
      if (formerOwner) this.report({ kind: 'owner-gone', ownerPid: formerOwner.pid });
      this.report({ kind: 'started', pid: hold.server.pid, durationMs: Math.round(performance.now() - since) });
    }
  }

  private watch(hold: Hold): void {
    clearInterval(this.timer);
    if (hold.kind === 'own') {
      this.showLife();
      this.timer = setInterval(() => this.showLife(), heartbeatMs);
      void hold.server.exit.then((how) => this.lose(hold, how));
    } else {
      this.timer = setInterval(() => {
        if (hasEnded(hold.pid, this.options.spec.paths.cluster)) this.lose(hold, 'gone');
      }, pollMs);
    }
    this.timer.unref();
  }

  private lose(hold: Hold, how: string): void {
    if (this.hold !== hold || this.stopped) return;
    this.hold = undefined;
    clearInterval(this.timer);
    const pid = hold.kind === 'own' ? hold.server.pid : hold.pid;
    if (hold.kind === 'own') hold.watchdog.release();
    this.report({ kind: 'lost', pid, how });
    this.recovery = this.recover(hold);
  }

  /** Tries until it succeeds or is told to stop: a full disk, for one, may be cleared hours later. */
  private async recover(lost: Hold): Promise<void> {
    const formerOwner = lost.kind === 'attached' ? lost.owner : undefined;
    for (let retryInMs = 200; !this.stopped && !this.hold; retryInMs = Math.min(retryInMs * 2, longestBackoffMs)) {
      try {
        await this.obtain(formerOwner);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.report({ kind: 'restart-failed', reason, retryInMs });
        await this.backOff(retryInMs);
      }
    }
  }

  private async backOff(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (!this.stopped && performance.now() < until) await pause(50, undefined, { ref: false });
  }

  private async shutDown(): Promise<void> {
    await this.recovery;
    clearInterval(this.timer);
    const hold = this.hold;
    if (hold?.kind === 'own') {
      await stopServer(this.options.spec, hold.server.pid);
      hold.watchdog.release();
      removeSocketDir(this.endpoint);
    }
    this.hold = undefined;
    this.report({ kind: 'stopped' });
  }

  private showLife(): void {
    // not awaited, and no matter if it fails: on a full or stuck disk the server itself has more to say
    fs.promises.writeFile(this.options.spec.paths.aliveFile, `${process.pid}\n`, { mode: 0o600 }).catch(() => {});
  }

  private report(event: EmbeddedEvent): void {
    this.options.log(describe(event));
    this.options.onEvent(event);
  }
}

/** One line for the log of the program. */
function describe(event: EmbeddedEvent): string {
  switch (event.kind) {
    case 'started':
      return `embedded Postgres (pid ${event.pid}) accepts connections after ${event.durationMs} ms`;
    case 'attached':
      return `using the embedded Postgres (pid ${event.pid}) that process ${event.ownerPid} runs`;
    case 'lost':
      return `embedded Postgres (pid ${event.pid}) has ended: ${event.how}`;
    case 'owner-gone':
      return `process ${event.ownerPid}, which ran the embedded Postgres, has ended or stopped it; this process runs it now`;
    case 'restart-failed':
      return `embedded Postgres did not start again, next try in ${event.retryInMs} ms: ${event.reason}`;
    case 'stopped':
      return 'embedded Postgres is no longer in use by this process';
  }
}
