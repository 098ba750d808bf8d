import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { bumpControlVersion, readControlVersion } from '@hookcast/database';
import { DataSource, type EntityManager } from 'typeorm';
import { announceStates } from '../announcements/announcement-store.js';
import { asBroker } from '../auth/namespace.js';
import { RUNTIME, type Runtime } from '../runtime.js';

const pollMs = 1_000;

/** Runs a change, and what it wants to do before and after it in the same transaction. */
export type ChangeWitness = <T>(tx: EntityManager, work: () => Promise<T>) => Promise<T>;

/**
 * Every change of topics and subscriptions goes through `change`, which raises the control version first and thereby
 * waits for any other change. Listeners hear of changes by this process at once, of others within a second.
 */
@Injectable()
export class ControlPlane implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly listeners = new Set<() => void>();
  private seenVersion = 0;
  private timer: NodeJS.Timeout | undefined;
  private running = false;
  private around: ChangeWitness = async (_, work) => work();

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** For reading outside a change. */
  get manager(): EntityManager {
    return this.dataSource.manager;
  }

  async change<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    const result = await this.dataSource.transaction(async (tx) => {
      await bumpControlVersion(tx);
      const done = await this.around(tx, async () => work(tx));
      await announceStates(tx, this.runtime.clock.now());
      return done;
    });
    this.announce();
    return result;
  }

  /** There is one: the audit log. */
  witness(witness: ChangeWitness): void {
    this.around = witness;
  }

  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  onApplicationBootstrap(): void {
    this.start();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  start(): void {
    this.running = true;
    this.schedule();
  }

  async runOnce(): Promise<{ changed: number }> {
    const version = await readControlVersion(this.dataSource.manager);
    if (version === this.seenVersion) return { changed: 0 };
    this.seenVersion = version;
    this.announce();
    return { changed: 1 };
  }

  stop(): void {
    this.running = false;
    clearTimeout(this.timer);
  }

  /** What listeners load is shared by all callers, so it must not be confined to the one that changed something. */
  private announce(): void {
    asBroker(() => {
      for (const listener of this.listeners) listener();
    });
  }

  private schedule(): void {
    if (!this.running) return;
    this.timer = setTimeout(() => void this.tick(), pollMs).unref();
  }

  private async tick(): Promise<void> {
    try {
      await this.runOnce();
    } catch (error) {
      // While the database is away nothing can change either; the next tick tries again.
      this.runtime.log.debug({ err: error }, 'control.poll-failed');
    }
    this.schedule();
  }
}
