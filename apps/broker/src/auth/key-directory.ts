import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import { ControlPlane } from '../control/control-plane.js';
import { findKeys, type KeyRow } from './key-store.js';
import { asBroker } from './namespace.js';
import { principalOf, type Principal } from './scope.js';

export interface KnownKey extends KeyRow {
  principal: Principal;
}

/** The answer for an id that no usable key has. */
type Lookup = KnownKey | null;

interface Entry {
  key: Lookup;
  loadedAt: number;
}

/**
 * A revocation is heard of with the next look at the control version, within a second or so. Should that look fail,
 * this age bounds how long a revoked key still works.
 */
const maxAgeMs = 4_000;
const maxKnown = 10_000;
/** Ids that do not exist are remembered separately, so that made-up ones cannot push real keys out. */
const maxUnknown = 1_000;

/** The API keys that were asked for lately. */
@Injectable()
export class KeyDirectory {
  private known = new Map<string, Entry>();
  private unknown = new Map<string, Entry>();
  private readonly waiting = new Map<string, Wait<Lookup>>();
  private generation = 0;
  private isLoading = false;

  constructor(private readonly control: ControlPlane) {
    control.onChange(() => this.forget());
  }

  /** Undefined when it has to be loaded. */
  cached(id: string): Lookup | undefined {
    const entry = this.known.get(id) ?? this.unknown.get(id);
    return entry && performance.now() - entry.loadedAt < maxAgeMs ? entry.key : undefined;
  }

  /** One query at a time, for all ids that wait: a flood of made-up keys takes one connection and no more. */
  async load(id: string): Promise<Lookup> {
    const waiting = this.waiting.get(id) ?? newWait<Lookup>();
    this.waiting.set(id, waiting);
    // For everybody that waits, whoever asked first.
    if (!this.isLoading) void asBroker(() => this.loadWaiting());
    return waiting.promise;
  }

  forget(): void {
    this.generation += 1;
    this.known = new Map();
    this.unknown = new Map();
  }

  private async loadWaiting(): Promise<void> {
    this.isLoading = true;
    while (this.waiting.size > 0) {
      const batch = new Map(this.waiting);
      this.waiting.clear();
      await this.loadBatch(batch);
    }
    this.isLoading = false;
  }

  private async loadBatch(batch: ReadonlyMap<string, Wait<Lookup>>): Promise<void> {
    const { generation } = this;
    try {
      const found = await findKeys(this.control.manager, [...batch.keys()]);
      const keys = new Map(found.map((row) => [row.id, { ...row, principal: principalOf(row) }]));
      for (const [id, waiting] of batch) {
        const key = keys.get(id) ?? null;
        // Changed while it was read: good for the requests that asked before, not for later ones.
        if (generation === this.generation) this.keep(id, key);
        waiting.resolve(key);
      }
    } catch (error) {
      for (const waiting of batch.values()) waiting.reject(error);
    }
  }

  private keep(id: string, key: Lookup): void {
    const [entries, limit] = key ? [this.known, maxKnown] : [this.unknown, maxUnknown];
    const oldest = entries.size >= limit ? entries.keys().next().value : undefined;
    if (oldest !== undefined) entries.delete(oldest);
    entries.set(id, { key, loadedAt: performance.now() });
  }
}

interface Wait<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

function newWait<T>(): Wait<T> {
  let settle: Omit<Wait<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  if (!settle) throw new Error('A promise runs its executor at once.');
  return { promise, ...settle };
}
