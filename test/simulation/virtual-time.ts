/** A program of the simulation: what it has set or waits for ends with it, and stands still while it is stopped. */
export interface Program {
  readonly name: string;
  isDead: boolean;
  /** Stopped (SIGSTOP) until then. */
  stoppedUntil: number;
}

interface Entry {
  at: number;
  readonly order: number;
  readonly program: Program | undefined;
  readonly run: () => void;
  isCancelled: boolean;
}

const realImmediate = globalThis.setImmediate;

/** Lets every promise go as far as it can without time passing. */
const quiescence = async (): Promise<void> => new Promise<void>((resolve) => realImmediate(resolve));

/**
 * One line of time for all programs, which only moves when nothing is left to do now. While it is installed it answers
 * setTimeout and setImmediate; a timer belongs to the program that was running when it was set.
 */
export class VirtualTime {
  now: number;
  private readonly heap: Entry[] = [];
  private readonly startedAt: number;
  private orders = 0;
  private running: Program | undefined;

  constructor(start: number) {
    this.now = start;
    this.startedAt = start;
  }

  readonly clock = { now: (): number => this.now, monotonic: (): number => this.now - this.startedAt };

  after(delayMs: number, run: () => void, program?: Program): Entry {
    const at = this.now + Math.max(delayMs, 0);
    const entry: Entry = { at, order: (this.orders += 1), program, run, isCancelled: false };
    this.push(entry);
    return entry;
  }

  /** Runs something as a part of the program, which then owns the timers it sets. */
  as(program: Program, run: () => void): void {
    const before = this.running;
    this.running = program;
    run();
    this.running = before;
  }

  /** Lets time pass until the condition holds; false when `limit` came first or nothing is left that could happen. */
  async pass(limit: number, isOver: () => boolean = () => false): Promise<boolean> {
    await quiescence();
    while (!isOver()) {
      const entry = this.pop();
      if (entry === undefined) return false;
      if (entry.at > limit) {
        this.push(entry);
        this.now = limit;
        return false;
      }
      await this.execute(entry);
    }
    return true;
  }

  /** Takes the place of the timers of Node; call what it returns to have them back. */
  install(): () => void {
    const { setTimeout, clearTimeout, setImmediate } = globalThis;
    const set = (run: () => void, delayMs: number) => this.after(delayMs, run, this.running);
    globalThis.setTimeout = set as unknown as typeof setTimeout;
    globalThis.setImmediate = ((run: () => void) => set(run, 0)) as unknown as typeof setImmediate;
    globalThis.clearTimeout = ((entry?: Entry) => {
      if (entry) entry.isCancelled = true;
    }) as unknown as typeof clearTimeout;
    return () => Object.assign(globalThis, { setTimeout, clearTimeout, setImmediate });
  }

  private async execute(entry: Entry): Promise<void> {
    const { program } = entry;
    this.now = Math.max(this.now, entry.at);
    if (entry.isCancelled || program?.isDead === true) return;
    if (program && program.stoppedUntil > this.now) {
      entry.at = program.stoppedUntil;
      this.push(entry);
      return;
    }
    this.running = program;
    entry.run();
    await quiescence();
    this.running = undefined;
  }

  private push(entry: Entry): void {
    const { heap } = this;
    heap.push(entry);
    let index = heap.length - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.isBefore(index, parent)) return;
      this.swap(index, parent);
      index = parent;
    }
  }

  private pop(): Entry | undefined {
    const { heap } = this;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let index = 0; ;) {
      const left = 2 * index + 1;
      const least = left + 1 < heap.length && this.isBefore(left + 1, left) ? left + 1 : left;
      if (least >= heap.length || !this.isBefore(least, index)) return first;
      this.swap(index, least);
      index = least;
    }
  }

  private isBefore(a: number, b: number): boolean {
    const [one, other] = [this.heap[a], this.heap[b]];
    if (!one || !other) return false;
    return one.at < other.at || (one.at === other.at && one.order < other.order);
  }

  private swap(a: number, b: number): void {
    const { heap } = this;
    [heap[a], heap[b]] = [heap[b] as Entry, heap[a] as Entry];
  }
}
