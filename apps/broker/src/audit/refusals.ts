import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { defaultNamespace } from '../auth/namespace.js';
import { ControlPlane } from '../control/control-plane.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { insertEntries, type AuditEntry } from './audit-store.js';

const flushMs = 30_000;
/**
 * Entries of one flush: an attacker who uses a new address or path each time fills one entry of `others`. That is at
 * most 60,480 entries a day and process, some 20 MB.
 */
const maxEntries = 20;
const maxText = 256;
/** The action of an entry that stands for what is not told apart. */
const others = 'others';

export type Refusal = Omit<AuditEntry, 'at' | 'before' | 'after' | 'count'>;

/** Collects refused requests and writes them in batches, equal ones as one entry with a count. */
@Injectable()
export class Refusals implements OnApplicationBootstrap, OnModuleDestroy {
  private entries = new Map<string, AuditEntry>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly control: ControlPlane,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  add(refusal: Refusal): void {
    this.keep(this.entry(refusal));
  }

  onApplicationBootstrap(): void {
    this.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.stop();
  }

  start(): void {
    this.timer = setInterval(() => void this.tick(), flushMs).unref();
  }

  async runOnce(): Promise<{ entries: number }> {
    const { entries } = this;
    if (entries.size === 0) return { entries: 0 };
    this.entries = new Map();
    try {
      await insertEntries(this.control.manager, [...entries.values()]);
    } catch (error) {
      this.putBack(entries.values());
      throw error;
    }
    return { entries: entries.size };
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.tick();
  }

  /** What could not be written waits for the next time, within the same bound: beyond it only counts are kept. */
  private putBack(unwritten: Iterable<AuditEntry>): void {
    const later = this.entries;
    this.entries = new Map();
    for (const entry of [...unwritten, ...later.values()]) this.keep(entry);
  }

  private keep(entry: AuditEntry): void {
    const { namespace, keyId, action, target, outcome, detail, address, count } = entry;
    if (action === others) return this.addToOthers(outcome, count);
    const key = JSON.stringify([namespace, keyId, action, target, outcome, detail, address]);
    const known = this.entries.get(key);
    if (known) known.count += count;
    else if (this.entries.size < maxEntries) this.entries.set(key, entry);
    else this.addToOthers(outcome, count);
  }

  private addToOthers(outcome: string, count: number): void {
    const known = this.entries.get(outcome);
    if (known) {
      known.count += count;
      return;
    }
    const rest = {
      namespace: defaultNamespace,
      action: others,
      target: 'others',
      method: '*',
      detail: 'more than are told apart',
    };
    this.entries.set(outcome, {
      ...this.entry({ ...rest, outcome, keyId: 'others', keyName: 'others', requestId: null, address: null }),
      count,
    });
  }

  private entry(refusal: Refusal): AuditEntry {
    const { detail, target } = refusal;
    return {
      ...refusal,
      detail: detail?.slice(0, maxText) ?? null,
      target: target.slice(0, maxText),
      at: this.runtime.clock.now(),
      before: null,
      after: null,
      count: 1,
    };
  }

  private async tick(): Promise<void> {
    try {
      await this.runOnce();
    } catch (error) {
      this.runtime.log.warn({ err: error }, 'audit.refusals-lost');
    }
  }
}
