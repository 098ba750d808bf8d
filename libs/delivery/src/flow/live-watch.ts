import type { Clock } from '../timing/clock.js';
import { atFullRate, givenWay, type Courtesy } from './courtesy.js';

/** Milliseconds between two decisions. */
const decideEveryMs = 500;
/** Of the reads in between: those that took longer are chance. */
const nearlyAll = 0.9;
/** Reads that are kept of one stretch. */
const mostReads = 256;

/** Watches how long live deliveries wait on this worker, and says what share of their rates others may use meanwhile. */
export class LiveWatch {
  private courtesy: Courtesy = atFullRate;
  private reads: number[] = [];
  private isBesideOthers = false;
  private decidedAt: number;
  /** Milliseconds at the last cut: what live deliveries waited, and what they usually do. */
  private cut: { waitMs: number; usualMs: number | undefined } | undefined;

  constructor(private readonly clock: Pick<Clock, 'monotonic'>) {
    this.decidedAt = clock.monotonic();
  }

  get share(): number {
    this.decide();
    return this.courtesy.share;
  }

  /** Why it is less than 1; undefined when it is not. */
  get reason(): string | undefined {
    if (this.courtesy.share >= 1 || this.cut === undefined) return undefined;
    const { waitMs, usualMs } = this.cut;
    const usual = usualMs === undefined ? '' : `, ${Math.round(usualMs)} ms when nothing gives way to them`;
    return `live deliveries waited ${Math.round(waitMs)} ms to be read${usual}`;
  }

  /** New events were read, which took so many milliseconds. */
  liveRead(ms: number): void {
    if (this.reads.length < mostReads) this.reads.push(ms);
    this.decide();
  }

  /** Something that gives way was sent. */
  besideOthers(): void {
    this.isBesideOthers = true;
  }

  private decide(): void {
    const now = this.clock.monotonic();
    if (now - this.decidedAt < decideEveryMs) return;
    this.decidedAt = now;
    const waitMs = highest(this.reads);
    const { share, usualMs } = this.courtesy;
    this.courtesy = givenWay(this.courtesy, { waitMs, isBesideOthers: this.isBesideOthers });
    if (waitMs !== undefined && this.courtesy.share < share) this.cut = { waitMs, usualMs };
    this.reads = [];
    this.isBesideOthers = false;
  }
}

function highest(reads: readonly number[]): number | undefined {
  return reads.toSorted((a, b) => a - b)[Math.floor((reads.length - 1) * nearlyAll)];
}
