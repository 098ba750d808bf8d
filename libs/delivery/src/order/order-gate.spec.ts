import fc from 'fast-check';
import { OrderGate, type Ending, type Ordered, type Ordering } from './order-gate.js';

interface Event extends Ordered {
  attempt: number;
}

const event = (seq: number, key?: string, more: Partial<Event> = {}): Event => ({
  seq,
  key,
  standing: 'first',
  bytes: 1,
  attempt: 1,
  ...more,
});

const opened = (ordering: Ordering) => {
  const gate = new OrderGate<Event>(ordering, () => {});
  if (ordering !== 'none') gate.open([]);
  return gate;
};

test('without an order everything goes', () => {
  const gate = opened('none');
  expect([event(1, 'a'), event(2, 'a')].map((one) => gate.admit(one, {}))).toEqual([true, true]);
});

test('by key one of a key goes at a time, and events without a key do not wait', () => {
  const gate = opened('key');
  const first = {};
  expect(gate.admit(event(1, 'a'), first)).toBe(true);
  expect(gate.admit(event(2, 'a'), {})).toBe(false);
  expect(gate.admit(event(3, 'b'), {})).toBe(true);
  expect(gate.admit(event(4), {})).toBe(true);
  expect(gate.takeReady({})).toBeUndefined();
  gate.ended(event(1, 'a'), first, 'settled');
  expect(gate.takeReady({})?.seq).toBe(2);
});

test('a failing event holds back its key until its retry has ended, whatever that comes to', () => {
  const gate = opened('key');
  const request = {};
  gate.admit(event(1, 'a'), request);
  gate.ended(event(1, 'a'), request, 'failing');
  expect(gate.admit(event(2, 'a'), {})).toBe(false);
  const retry = event(1, 'a', { standing: 'retry', attempt: 2 });
  expect(gate.admit(retry, request)).toBe(true);
  gate.ended(retry, request, 'settled');
  expect(gate.takeReady({})?.seq).toBe(2);
});

test('what failed before a takeover is known again before anything goes', () => {
  const gate = new OrderGate<Event>('key', () => {});
  expect(gate.hasRoom({})).toBe(false);
  expect(gate.admit(event(1, 'a', { standing: 'retry' }), {})).toBe(false);
  gate.open([{ seq: 1, key: 'a' }]);
  const request = {};
  expect(gate.takeReady(request)?.seq).toBe(1);
  expect(gate.admit(event(2, 'a'), request)).toBe(false);
  gate.forget(1);
  gate.ended(event(1, 'a', { standing: 'retry' }), request, 'settled');
  expect(gate.takeReady({})?.seq).toBe(2);
});

test('a batch may hold several of a key, and another batch none of them', () => {
  const gate = opened('key');
  const batch = {};
  expect(gate.admit(event(1, 'a'), batch)).toBe(true);
  expect(gate.admit(event(2, 'a'), batch)).toBe(true);
  expect(gate.admit(event(3, 'a'), {})).toBe(false);
  // The first failed: the second goes back to wait behind it.
  gate.ended(event(1, 'a'), batch, 'failing');
  gate.putBack(event(2, 'a', { attempt: 2 }), batch);
  expect(gate.takeReady({})).toBeUndefined();
  const retry = event(1, 'a', { standing: 'retry' });
  gate.admit(retry, batch);
  gate.ended(retry, batch, 'settled');
  const next = {};
  expect([gate.takeReady(next), gate.takeReady(next)].map((one) => one?.seq)).toEqual([2, 3]);
});

test('strictly, one request at a time, and a failure stops the stream', () => {
  const gate = opened('strict');
  const request = {};
  expect(gate.hasRoom(request)).toBe(true);
  gate.admit(event(1, 'a'), request);
  expect(gate.hasRoom({})).toBe(false);
  expect(gate.hasRoom(request)).toBe(true);
  gate.ended(event(1, 'a'), request, 'failing');
  expect(gate.hasRoom({})).toBe(false);
  gate.admit(event(1, 'a', { standing: 'retry' }), request);
  gate.ended(event(1, 'a'), request, 'settled');
  expect(gate.hasRoom({})).toBe(true);
});

test('a delivery that left the line waits for what is in flight and not for what fails', () => {
  const gate = opened('key');
  const request = {};
  gate.admit(event(5, 'a'), request);
  const redelivery = event(1, 'a', { standing: 'aside' });
  expect(gate.admit(redelivery, {})).toBe(false);
  gate.ended(event(5, 'a'), request, 'failing');
  const other = {};
  expect(gate.takeReady(other)).toBe(redelivery);
  gate.ended(redelivery, other, 'apart');
  expect(gate.admit(event(6, 'a'), {})).toBe(false);
  expect(gate.failing).toBe(1);
});

test('a change of the ordering lets go of what waited', () => {
  const gate = opened('key');
  gate.admit(event(1, 'a'), {});
  gate.admit(event(2, 'a'), {});
  const unordered = opened('none');
  unordered.enter(gate.leave());
  expect(unordered.takeReady({})?.seq).toBe(2);
});

// A worker, a hook and a log, as far as order is concerned.

interface History {
  ordering: 'key' | 'strict';
  keys: (string | undefined)[];
  batch: number;
  steps: { pick: number; fails: boolean; dies: boolean; crash: boolean }[];
}

const histories: fc.Arbitrary<History> = fc.record({
  ordering: fc.constantFrom('key', 'strict'),
  keys: fc.array(fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined, freq: 5 }), { maxLength: 60 }),
  batch: fc.integer({ min: 1, max: 5 }),
  steps: fc.array(
    fc.record({
      pick: fc.nat(),
      fails: fc.boolean(),
      dies: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0),
      crash: fc.integer({ min: 0, max: 19 }).map((chance) => chance === 0),
    }),
    { maxLength: 300 },
  ),
});

const bounds = { events: 8, bytes: 1_000, failing: 4 };

class Simulation {
  readonly successes: Event[] = [];
  readonly settled = new Set<number>();
  private readonly retries = new Map<number, Event>();
  private readonly calls: { events: Event[] }[] = [];
  private taken = 0;
  private gate!: OrderGate<Event>;

  constructor(
    private readonly history: History,
    private readonly log: Event[],
  ) {
    this.start();
  }

  /** What is settled and what waits for a retry is stored; everything else is begun again. */
  start(): void {
    this.gate = new OrderGate<Event>(this.history.ordering, () => {}, bounds);
    this.gate.open([...this.retries.values()]);
    this.calls.length = 0;
    this.taken = 0;
  }

  get isDone(): boolean {
    return this.settled.size === this.log.length;
  }

  /** Sends a request, if something can be sent. */
  send(): boolean {
    const call = { events: new Array<Event>() };
    while (call.events.length < this.history.batch) {
      const next = this.next(call);
      if (next === undefined) break;
      call.events.push(next);
    }
    if (call.events.length === 0) return false;
    this.check(call.events);
    this.calls.push(call);
    return true;
  }

  answer({ pick, fails, dies }: History['steps'][number]): void {
    const [call] = this.calls.splice(pick % Math.max(this.calls.length, 1), 1);
    if (call === undefined) return;
    const failed = new Set<string | undefined>();
    for (const [index, one] of call.events.entries()) {
      const line = this.history.ordering === 'strict' ? '' : one.key;
      if (line !== undefined && failed.has(line)) {
        this.gate.putBack(one, call);
      } else if (fails && (pick + index) % 3 !== 0) {
        failed.add(line);
        this.end(one, call, dies ? 'settled' : 'failing');
      } else {
        this.successes.push(one);
        this.end(one, call, 'settled');
      }
    }
  }

  private end(one: Event, call: object, ending: Ending): void {
    if (ending === 'settled') this.settled.add(one.seq);
    if (ending === 'settled') this.retries.delete(one.seq);
    else this.retries.set(one.seq, { ...one, standing: 'retry', attempt: one.attempt + 1 });
    this.gate.ended(one, call, ending);
  }

  private next(call: object): Event | undefined {
    for (const retry of this.retries.values())
      if (!this.calls.some(({ events }) => events.some(({ seq }) => seq === retry.seq)) && this.admitRetry(retry, call))
        return retry;
    const ready = this.gate.takeReady(call);
    if (ready !== undefined) return ready;
    while (this.gate.hasRoom(call)) {
      const taken = this.log[this.taken];
      if (taken === undefined) return undefined;
      this.taken += 1;
      if (this.settled.has(taken.seq) || this.retries.has(taken.seq)) continue;
      if (this.gate.admit(taken, call)) return taken;
    }
    return undefined;
  }

  private admitRetry(retry: Event, call: object): boolean {
    const isWithUs = (call as { events: Event[] }).events.some(({ seq }) => seq === retry.seq);
    return !isWithUs && this.gate.admit(retry, call);
  }

  private check(sent: readonly Event[]): void {
    const lineOf = ({ key }: Event) => (this.history.ordering === 'strict' ? '' : key);
    const inFlight = this.calls.flatMap(({ events }) => events.map(lineOf)).filter((line) => line !== undefined);
    for (const one of sent) expect(inFlight).not.toContain(lineOf(one) ?? 'no order');
    expect(this.gate.held).toBeLessThanOrEqual(bounds.events + 4 * this.history.batch);
  }
}

test('in any history no two of a key are in flight, successes come in order, and everything is settled', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const log = history.keys.map((key, index) => event(index + 1, key));
      const simulation = new Simulation(history, log);
      for (const step of history.steps) {
        if (step.crash) simulation.start();
        while (simulation.send());
        simulation.answer(step);
      }
      for (let rounds = 0; !simulation.isDone && rounds < 1_000; rounds += 1) {
        while (simulation.send());
        simulation.answer({ pick: 0, fails: false, dies: false, crash: false });
      }
      expect(simulation.settled.size).toBe(log.length);
      const lines = new Map<string, number[]>();
      for (const { seq, key } of simulation.successes) {
        if (history.ordering === 'key' && key === undefined) continue;
        const line = history.ordering === 'strict' ? '' : (key ?? '');
        lines.set(line, [...(lines.get(line) ?? []), seq]);
      }
      for (const seqs of lines.values()) {
        const inOrder = [...new Set(seqs)];
        expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
      }
    }),
    { numRuns: 500 },
  );
});
