import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { bumpControlVersion, noteControlChange, readControlVersion } from '@hookcast/database';
import { DataSource, type EntityManager } from 'typeorm';
import { announceStates } from '../announcements/announcement-store.js';
import { asBroker } from '../auth/namespace.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { Pulse } from './pulse.js';
import { Touches } from './touches.js';

/** Runs a change, and what it wants to do before and after it in the same transaction. */
export type ChangeWitness = <T>(tx: EntityManager, work: () => Promise<T>) => Promise<T>;

/**
 * Every change of topics and subscriptions goes through `change`, which raises the control version first and thereby
 * waits for any other change. Listeners hear of changes by this process at once, of others within a second.
 */
@Injectable()
export class ControlPlane implements OnModuleInit, OnModuleDestroy {
  private readonly listeners = new Set<() => void>();
  private seenVersion = 0;
  private stopListening: (() => void) | undefined;
  private around: ChangeWitness = async (_, work) => work();

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly pulse: Pulse,
  ) {}

  /** For reading outside a change. */
  get manager(): EntityManager {
    return this.dataSource.manager;
  }

  /** `work` says by `touchesOf(tx)` what it touches; else every process reads everything again. */
  async change<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    const result = await this.dataSource.transaction(async (tx) => {
      const version = await bumpControlVersion(tx);
      const touches = Touches.begin(tx);
      const done = await this.around(tx, async () => work(tx));
      await announceStates(tx, this.runtime.clock.now(), touches.isKnown ? touches.subscriptionIds : undefined);
      if (touches.isKnown) await noteControlChange(tx, version, touches);
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

  onModuleInit(): void {
    this.start();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  start(): void {
    this.stopListening = this.pulse.listen(({ version }) => this.heard(version));
  }

  async runOnce(): Promise<{ changed: number }> {
    return { changed: this.heard(await readControlVersion(this.dataSource.manager)) };
  }

  stop(): void {
    this.stopListening?.();
  }

  private heard(version: number): number {
    if (version === this.seenVersion) return 0;
    this.seenVersion = version;
    this.announce();
    return 1;
  }

  /** What listeners load is shared by all callers, so it must not be confined to the one that changed something. */
  private announce(): void {
    asBroker(() => {
      for (const listener of this.listeners) listener();
    });
  }
}
