import { DeliveryWorker, type DeliveryStores, type DeliverySubscription } from '@hookcast/delivery';
import type pg from 'pg';
import { Chance } from './chance.js';
import { Judge } from './judge.js';
import { Link, type Weather } from './link.js';
import type { Fault, Plan } from './plan.js';
import { deliveryKey, SimulatedDatabase } from './simulated-database.js';
import { SimulatedControl } from './simulated-control.js';
import { SimulatedHooks, type HookClient } from './simulated-hooks.js';
import { simulatedCatalog, simulatedStores } from './simulated-stores.js';
import { VirtualTime, type Program } from './virtual-time.js';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const start = Date.UTC(2026, 0, 1);
/** Virtual milliseconds that a healed system may need to come to rest: takeovers, pauses, the longest wait, a timeout. */
const restMs = 180_000;

/** A part of the worker or of the database that is made faulty on purpose, to see whether the judge notices. */
export interface Sabotage {
  stores?(stores: DeliveryStores, database: SimulatedDatabase): DeliveryStores;
  client?(client: HookClient): HookClient;
  /** Changes the code itself; what it answers undoes it. */
  code?(): () => void;
  clock?(clock: { now(): number; monotonic(): number }): { now(): number; monotonic(): number };
}

export interface Verdict {
  violations: readonly string[];
  counts: Readonly<Record<string, number>>;
  /** Virtual milliseconds. */
  tookMs: number;
}

interface Place {
  program: Program;
  worker: DeliveryWorker;
}

/** Never reached: all that the worker asks of the database goes through its stores. */
const noPool = new Proxy({} as pg.Pool, {
  get: (_target, name) => {
    throw new Error(`a statement past the stores: pool.${String(name)}`);
  },
});

/** Plays one plan: workers, database and hooks with all that befalls them, then peace; and judges it. */
export async function play(plan: Plan, sabotage: Sabotage = {}): Promise<Verdict> {
  const history = new History(plan, sabotage);
  const restore = history.time.install();
  const mend = sabotage.code?.();
  try {
    return await history.play();
  } finally {
    mend?.();
    restore();
  }
}

class History {
  readonly time = new VirtualTime(start);
  private readonly chance: Chance;
  private readonly judge = new Judge(() => this.time.now);
  readonly database = new SimulatedDatabase(() => this.time.now, this.judge);
  readonly control = new SimulatedControl(this.database);
  private readonly weather: Weather = { isAway: false, lostAnswers: 0, lateStatements: 0, cutOff: new Set() };
  private readonly hooks: SimulatedHooks;
  private readonly subscriptions = new Map<string, DeliverySubscription>();
  private readonly places: (Place | undefined)[] = [];
  private births = 0;

  constructor(
    private readonly plan: Plan,
    private readonly sabotage: Sabotage,
  ) {
    const { time, judge, database, subscriptions } = this;
    this.chance = new Chance(plan.seed);
    judge.database = database;
    const { temper } = plan;
    this.hooks = new SimulatedHooks({ time, chance: this.chance, judge, database, temper, subscriptions, secret });
  }

  async play(): Promise<Verdict> {
    const { time, plan, database, judge } = this;
    for (let partition = 0; partition < plan.partitions; partition += 1)
      database.addStream({ streamId: partition + 1, topicId: 1, topic: 'orders.created', partition });
    for (const [index] of plan.subscriptions.entries()) this.subscribe(index);
    for (let place = 0; place < plan.workers; place += 1) this.begin(place);
    for (const [index, event] of plan.events.entries()) {
      const data = Buffer.from(`{"number":${index},"rate":1.0}`);
      const { key } = event;
      time.after(event.at, () =>
        this.publish(event.partition, { id: `e${index}`, data, ...(key !== undefined && { key }) }),
      );
    }
    for (const fault of plan.faults) time.after(fault.at, () => this.befall(fault));
    await time.pass(start + plan.lastsMs);
    this.heal();
    await time.pass(time.now + 1_000);
    const rested = await time.pass(time.now + restMs, () => this.isAtRest);
    if (rested) await time.pass(time.now + 2_000);
    judge.end();
    return { violations: judge.violations, counts: judge.counts, tookMs: time.now - start };
  }

  private get isAtRest(): boolean {
    const { cursors, streams, subscriptions, retries } = this.database;
    if (retries.size > 0) return false;
    return [...cursors.values()].every(
      ({ streamId, subscriptionId, settledSeq }) =>
        subscriptions.get(subscriptionId)?.state !== 'active' || settledSeq === streams.get(streamId)?.events.length,
    );
  }

  private subscribe(index: number): void {
    const wanted = this.plan.subscriptions[index];
    if (!wanted) return;
    const name = `s${index}`;
    const subscription: DeliverySubscription = {
      id: 10 + index,
      name,
      topics: ['orders.created'],
      url: `http://${wanted.host}/${name}`,
      format: 'cloudevents',
      batch: wanted.batch ?? null,
      ordering: wanted.ordering ?? 'none',
      rateLimit: wanted.rateLimit ?? null,
      neverAnswered: wanted.neverAnswered ?? false,
      timeoutMs: 10_000,
      nonRetryable: [],
      headers: {},
      signature: 'hmac',
      secrets: [secret],
      signingKeys: [],
      filter: null,
      state: 'active',
      concurrency: wanted.concurrency,
      retry: { schedule: wanted.schedule, jitter: 0.2 },
    };
    this.subscriptions.set(name, subscription);
    this.database.subscribe(subscription);
  }

  private publish(partition: number, event: { id: string; data: Buffer; key?: string }): void {
    const { seq } = this.database.append(partition + 1, event);
    for (const place of this.places) {
      if (!place || place.program.isDead || this.chance.happens(0.3)) continue;
      // A hint, which may be late or never come.
      const delay = this.chance.int(0, 5);
      this.time.after(delay, () => place.worker.wake(new Map([[partition + 1, seq]])), place.program);
    }
  }

  private begin(place: number): void {
    const { time, chance, weather, database, sabotage } = this;
    this.births += 1;
    const workerId = `w${this.births}`;
    const program: Program = { name: `place ${place}`, isDead: false, stoppedUntil: 0 };
    const link = new Link(time, chance, weather, program);
    const stores = simulatedStores(this, link, workerId);
    time.as(program, () => {
      const worker = new DeliveryWorker({
        pool: noPool,
        stores: sabotage.stores?.(stores, database) ?? stores,
        catalog: simulatedCatalog(database, link),
        client: sabotage.client?.(this.hooks.clientOf(program, workerId)) ?? this.hooks.clientOf(program, workerId),
        log: { info: (event, fields) => this.heard(event, fields), warn: () => {} },
        clock: sabotage.clock?.(time.clock) ?? time.clock,
        random: chance.float,
        workerId,
        // Each on a host of its own, so that only silence tells of its end.
        host: workerId,
        pid: 1,
        slots: this.plan.slots,
        maxUnsettled: this.plan.maxUnsettled,
      });
      worker.start();
      this.places[place] = { program, worker };
    });
  }

  /** Only the worker knows that it does not count an attempt. */
  private heard(event: string, fields: Readonly<Record<string, unknown>>): void {
    if (event !== 'delivery.attempted' || fields['outcome'] !== 'parked') return;
    const [streamId, seq] = String(fields['position']).split(':').map(Number);
    const subscription = this.subscriptions.get(String(fields['subscription']));
    this.judge.givenBack(deliveryKey(streamId ?? 0, subscription?.id ?? 0, seq ?? 0), Number(fields['attempt']));
  }

  private befall(fault: Fault): void {
    const { time, weather, database, judge } = this;
    switch (fault.kind) {
      case 'crash':
        return this.end(fault.place, fault.forMs, ({ program }) => (program.isDead = true));
      case 'stop':
        return this.end(fault.place, fault.forMs, ({ program, worker }) =>
          time.after(0, () => void worker.stop(), program),
        );
      case 'freeze': {
        const program = this.places[fault.place]?.program;
        if (program) program.stoppedUntil = time.now + fault.forMs;
        return;
      }
      case 'join':
        return this.begin(this.places.length);
      case 'away':
        return this.meanwhile(fault.forMs, (isOn) => (weather.isAway = isOn));
      case 'lost-answers':
        return this.meanwhile(fault.forMs, (isOn) => (weather.lostAnswers = isOn ? 0.4 : 0));
      case 'late-statements':
        return this.meanwhile(fault.forMs, (isOn) => (weather.lateStatements = isOn ? 0.3 : 0));
      case 'cut-off':
        return this.meanwhile(fault.forMs, (isOn) =>
          isOn ? weather.cutOff.add(`place ${fault.place}`) : weather.cutOff.delete(`place ${fault.place}`),
        );
      case 'pause':
        database.change(10 + fault.subscription, 'paused');
        judge.silenced(10 + fault.subscription);
        return void time.after(fault.forMs, () => this.resume(10 + fault.subscription));
      case 'seek':
        return this.seek(10 + fault.subscription, fault);
      case 'replay':
        return this.control.replay(10 + fault.subscription).forEach((moved) => judge.moved(moved));
      case 'delete':
        database.change(10 + fault.subscription, 'deleted');
        return judge.silenced(10 + fault.subscription);
    }
  }

  /** Two statements of one transaction: what it finds and what it moves are not of the same moment. */
  private seek(subscriptionId: number, { share, forMs = 0 }: Extract<Fault, { kind: 'seek' }>): void {
    const { control, judge, time } = this;
    const targets = control.placesAt(subscriptionId, share);
    const move = () => control.seek(subscriptionId, targets).forEach((moved) => judge.moved(moved));
    if (forMs === 0) move();
    else time.after(forMs, move);
  }

  private meanwhile(forMs: number, set: (isOn: boolean) => unknown): void {
    set(true);
    this.time.after(forMs, () => set(false));
  }

  /** The worker of a place ends, and another begins there later. */
  private end(place: number, forMs: number, how: (place: Place) => void): void {
    const present = this.places[place];
    if (!present) return;
    this.places[place] = undefined;
    how(present);
    this.time.after(forMs, () => {
      if (this.places[place] === undefined) this.begin(place);
    });
  }

  private resume(subscriptionId: number): void {
    if (this.database.subscriptions.get(subscriptionId)?.state !== 'paused') return;
    this.database.change(subscriptionId, 'active');
    this.judge.resumed(subscriptionId);
  }

  private heal(): void {
    Object.assign(this.weather, { isAway: false, lostAnswers: 0, lateStatements: 0 });
    this.weather.cutOff.clear();
    this.hooks.isHealed = true;
    // Who is stopped goes on by itself, within the time there is to come to rest.
    for (const [index, place] of this.places.entries()) if (place === undefined) this.begin(index);
    for (const { id } of this.subscriptions.values()) this.resume(id);
  }
}
