import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { version } from '../version.js';
import type { ChildMessage } from './child.js';
import { runUntilSignalled, type Lifecycle } from './lifecycle.js';
import { prepare, type Prepared } from './prepare.js';
import { serve } from './serve.js';
import { StartError } from './start-error.js';

/** A forked process that ends by itself is replaced, but not in a tight loop. */
const restartMs = 1_000;

/** The process that the operator starts: it alone owns the embedded database and, with several processes, only that. */
export async function runPrimary(config: Config, log: Logger): Promise<void> {
  await runUntilSignalled(log, async (lifecycle) => {
    const preparation = await prepare(config, log);
    const { prepared } = preparation;
    try {
      const started =
        config.processes === 1 ? await serve(config, prepared, log) : await forkAll(config, prepared, log, lifecycle);
      announce(config, prepared, { url: started.url, log });
      return async () => {
        await started.stop();
        await preparation.release();
      };
    } catch (error) {
      await preparation.release();
      throw error;
    }
  });
}

function announce(config: Config, prepared: Prepared, { url, log }: { url: string; log: Logger }): void {
  const adminKey = prepared.adminKeyFile ?? 'HOOKCAST_ADMIN_KEY';
  const facts = { version, role: config.role, page: `${url}/`, api: `${url}/v1`, docs: `${url}/docs`, adminKey };
  log.info(facts, 'broker.started');
  if (!process.stdout.isTTY) return;
  process.stdout.write(
    `\n  Hookcast ${version} (${config.role})\n  page   ${facts.page}\n  API    ${facts.api}\n  docs   ${facts.docs}\n  key    ${adminKey}\n\n`,
  );
}

/** Forks the configured number of processes and keeps that many running. */
async function forkAll(
  config: Config,
  prepared: Prepared,
  log: Logger,
  lifecycle: Lifecycle,
): Promise<{ url: string; stop(): Promise<void> }> {
  const fleet = new Fleet(prepared, log);
  const urls = await Promise.all(Array.from({ length: config.processes }, async () => fleet.fork()));
  fleet.keepAlive(lifecycle);
  return { url: urls[0] ?? '', stop: async () => fleet.stop() };
}

class Fleet {
  private readonly members = new Set<Worker>();
  private stopping = false;

  constructor(
    private readonly prepared: Prepared,
    private readonly log: Logger,
  ) {}

  /** Resolves with the URL of the process once it serves. */
  async fork(): Promise<string> {
    const member = cluster.fork();
    this.members.add(member);
    member.once('exit', () => this.members.delete(member));
    return new Promise((resolve, reject) => {
      member.on('message', (message: ChildMessage) => {
        // By message, not by environment: that can be read from outside the process.
        if (message.kind === 'waiting') member.send(this.prepared);
        else resolve(message.url);
      });
      member.once('exit', (code) => reject(new StartError(`A forked process ended with ${code} while it started.`)));
    });
  }

  keepAlive(lifecycle: Lifecycle): void {
    cluster.on('exit', (member, code, signal) => {
      if (this.stopping) return;
      this.log.error({ pid: member.process.pid, code, signal }, 'broker.process-ended');
      setTimeout(() => {
        if (!this.stopping) this.fork().catch((error: unknown) => void lifecycle.fail(error));
      }, restartMs);
    });
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const ended = [...this.members].map(async (member) => {
      if (member.isDead()) return;
      const exit = once(member, 'exit');
      member.process.kill('SIGTERM');
      await exit;
    });
    await Promise.all(ended);
  }
}
