import { compileFilter, type FilterCompilation } from './filter.js';

/** Compiled filters by text, the least recently asked for dropped first. */
export class FilterCache {
  readonly #entries = new Map<string, FilterCompilation>();

  /** @param capacity how many texts are kept; one is 5 to 200 KB. */
  constructor(readonly capacity = 1000) {}

  compile(text: string): FilterCompilation {
    const known = this.#entries.get(text);
    const compiled = known ?? compileFilter(text);
    this.#entries.delete(text);
    this.#entries.set(text, compiled);
    if (this.#entries.size > this.capacity) this.#dropOldest();
    return compiled;
  }

  get size(): number {
    return this.#entries.size;
  }

  #dropOldest(): void {
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
