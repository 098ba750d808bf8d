import { filterLimits } from './filter-limits.js';

/** Counts what one evaluation spends. Once spent, it stays so until it is reset. */
export class CostMeter {
  #left = 0;

  reset(units: number = filterLimits.cost): void {
    this.#left = units;
  }

  /** False when the evaluation has to stop. */
  charge(units: number): boolean {
    // A sticky end: an expression may swallow the error (`… || true`), and its next step must fail as well.
    this.#left = this.#left < 0 ? this.#left : this.#left - units;
    return this.#left >= 0;
  }

  get exhausted(): boolean {
    return this.#left < 0;
  }

  get left(): number {
    return this.#left;
  }
}

export const tooCostly = 'the filter is too costly for this event';

/** Evaluation is synchronous, so one meter serves all filters. */
export const meter = new CostMeter();
