import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { StartError } from './start-error.js';

const signalNumbers = { SIGTERM: 15, SIGINT: 2, SIGHUP: 1 } as const;
type Signal = keyof typeof signalNumbers;
const signals: readonly Signal[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
/** A process that failed has this long to put its affairs in order. */
const failedStopMs = 5_000;

/**
 * Runs a program until it is told to stop: `start` gives back how. The first signal stops it in order and exits 0, a
 * second one exits at once. An error that nobody handled is logged and ends the process: what state it left behind is
 * unknown, and everything acknowledged is in the database.
 */
export async function runUntilSignalled(
  log: Logger,
  start: (lifecycle: Lifecycle) => Promise<() => Promise<void>>,
  heeded: readonly Signal[] = signals,
): Promise<void> {
  const lifecycle = new Lifecycle(log, heeded);
  await lifecycle.run(start);
}

export class Lifecycle {
  private stop: (() => Promise<void>) | undefined;
  private ending = false;

  constructor(
    private readonly log: Logger,
    private readonly heeded: readonly Signal[],
  ) {}

  async run(start: (lifecycle: Lifecycle) => Promise<() => Promise<void>>): Promise<void> {
    for (const signal of signals) process.on(signal, () => void this.signalled(signal));
    process.on('uncaughtException', (error) => void this.fail(error));
    process.on('unhandledRejection', (reason) => void this.fail(reason));
    try {
      this.stop = await start(this);
    } catch (error) {
      this.refuse(error);
    }
    // Told to stop while it was still starting: what has started by now is stopped here.
    if (this.ending) await this.finish();
  }

  /** Ends the process because of an error; `stop` gets a moment. */
  async fail(reason: unknown): Promise<void> {
    this.log.fatal({ err: reason }, 'broker.failed');
    if (this.ending) return;
    this.ending = true;
    await Promise.race([this.stopQuietly(), pause(failedStopMs)]);
    process.exit(1);
  }

  private async stopQuietly(): Promise<void> {
    try {
      await this.stop?.();
    } catch (error) {
      this.log.error({ err: error }, 'broker.stop-failed');
    }
  }

  private async signalled(signal: Signal): Promise<void> {
    if (!this.heeded.includes(signal)) return;
    if (this.ending) process.exit(128 + signalNumbers[signal]);
    this.ending = true;
    this.log.info({ signal }, 'broker.stopping');
    if (this.stop) await this.finish();
  }

  private async finish(): Promise<void> {
    try {
      await this.stop?.();
      this.log.info({}, 'broker.stopped');
      process.exit(0);
    } catch (error) {
      this.log.fatal({ err: error }, 'broker.stop-failed');
      process.exit(1);
    }
  }

  private refuse(error: unknown): never {
    if (error instanceof StartError) process.stderr.write(`hookcast cannot start: ${error.message}\n`);
    this.log.fatal({ err: error instanceof StartError ? error.message : error }, 'broker.start-failed');
    process.exit(1);
  }
}
