import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { readControlVersion } from '@hookcast/database';
import type pg from 'pg';
import { ClockCheck } from './clock-check.js';
import { DATA_POOL } from '../runtime.js';

export type ReadinessState = { kind: 'ready'; clockSkewMs: number | null } | { kind: 'not-ready'; reason: string };

const probeMs = 2_000;

/** Whether this process can do its work: its database answers, their clocks agree, and it is not stopping. */
@Injectable()
export class Readiness implements OnModuleDestroy {
  private stopping = false;

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    private readonly clock: ClockCheck,
  ) {}

  async check(): Promise<ReadinessState> {
    if (this.stopping) return { kind: 'not-ready', reason: 'the broker is stopping' };
    try {
      await withTimeout(readControlVersion(this.pool));
      return this.judgeClock();
    } catch (error) {
      return { kind: 'not-ready', reason: `the database is away (${codeOf(error)})` };
    }
  }

  private judgeClock(): ReadinessState {
    const { skewMs } = this.clock;
    if (skewMs === undefined || !this.clock.isSkewed) return { kind: 'ready', clockSkewMs: skewMs ?? null };
    const direction = skewMs > 0 ? 'ahead of' : 'behind';
    return { kind: 'not-ready', reason: `the clock is ${Math.abs(skewMs)} ms ${direction} the database's` };
  }

  onModuleDestroy(): void {
    this.stopping = true;
  }
}

/** Anybody may ask, so the answer names no host: a code like ECONNREFUSED, and the log has the rest. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'no answer';
}

/** A probe must answer even when a connection hangs. */
async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${probeMs} ms`)), probeMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
