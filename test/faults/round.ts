import { Chance } from '../simulation/chance.js';
import { until } from '../support/until.js';
import { check, type Attempted, type Report } from './checker.js';
import type { Cluster, Harm } from './cluster.js';
import { Load } from './load.js';
import { ms, patienceMs, publishedAfter, type Scenario, type Stage } from './stage.js';

const concurrency = 16;
/** Enough for every worker to have some of them. */
const partitions = 8;
/** Results that are written together. */
const settleBatch = 200;

/** Between two events of one publisher. */
const floodMs = 20;
const gentleMs = 60;

const harms = ['deaths', 'hookDeaths', 'stale'] as const;

interface CheckedHook {
  name: string;
  label: string;
  /** What of the load it need not get: so much was published before it subscribed. */
  publishedBefore: number;
  isOrdered: boolean;
  /** Positions known to be settled, and since when, unix milliseconds. */
  settled: Map<string, number>;
}

/** Publishes, does harm, heals, waits until all is delivered, and holds it against what was published. */
export class Round {
  private readonly hooks: CheckedHook[] = [];
  readonly topic: string;
  private readonly chance: Chance;
  private readonly measured: Stage['measured'] = {};
  private readonly lostBefore: readonly number[];
  private readonly harmBefore: Harm;
  private load: Load | undefined;

  constructor(
    private readonly cluster: Cluster,
    private readonly name: string,
    private readonly scenario: Scenario,
    seed: number,
  ) {
    this.topic = `faults.${name}.s${seed}`;
    this.chance = new Chance(seed);
    this.lostBefore = this.streamsLost();
    this.harmBefore = { ...cluster.harm };
  }

  /** Returns when nothing is done any more, and nothing published. */
  async doHarm(): Promise<void> {
    const { cluster, scenario, topic, chance, measured } = this;
    const isOrdered = chance.happens(0.5) || scenario.isOrdered === true;
    await cluster.api('PUT', `/v1/topics/${topic}`, { partitions });
    await this.subscribe('steady', 'steady');
    await this.subscribe('flaky', 'flaky', { ordering: isOrdered ? 'key' : 'none', timeoutMs: 2_000 });
    const load = new Load(cluster, topic, scenario.isGentle === true ? gentleMs : floodMs);
    this.load = load;
    await until(() => load.acknowledged > 20, { timeoutMs: patienceMs, what: 'the first events to be acknowledged' });
    await this.note();
    for (const kind of harms) cluster.harm[kind] += scenario[kind] ?? 0;
    await scenario.act({
      cluster,
      chance,
      load,
      topic,
      measured,
      subscribe: async (...which) => this.subscribe(...which),
      note: async () => this.note(),
    });
    await cluster.heal();
    await this.note();
    await load.stop();
  }

  /** Waits until all is settled, and holds it against what was published. */
  async judge(): Promise<void> {
    const { cluster, topic, load } = this;
    this.measured['recoveryMs'] = await ms(async () =>
      until(async () => (await cluster.pending(topic)) === 0, {
        timeoutMs: patienceMs,
        what: `everything of ${topic} to be settled`,
      }),
    );
    for (const hook of this.hooks) await this.judgeHook(hook, load?.attempted ?? []);
    // Of every cursor there is, those of rounds that still go on as well.
    expect(await cluster.api('POST', '/v1/reconciliations', { limit: 1 })).toMatchObject({ violations: [] });
    for (const { name } of this.hooks) await cluster.api('DELETE', `/v1/subscriptions/${name}`);
  }

  private async subscribe(
    suffix: string,
    manner: Parameters<Stage['subscribe']>[1],
    settings: Record<string, unknown> = {},
  ): Promise<string> {
    const name = `${this.topic}-${suffix}`.replaceAll('.', '-');
    await this.cluster.subscribe(name, this.topic, manner, {
      concurrency,
      retry: { schedule: [1, 1, 2, 4, 8, 16], jitter: 0 },
      ...settings,
    });
    const isOrdered = settings['ordering'] === 'key';
    this.hooks.push({
      name,
      label: suffix,
      publishedBefore: this.load?.attempted.length ?? 0,
      isOrdered,
      settled: new Map(),
    });
    return name;
  }

  private async note(): Promise<void> {
    for (const { name, settled } of this.hooks) {
      const positions = await this.cluster.settled(name);
      const now = Date.now();
      for (const position of positions) if (!settled.has(position)) settled.set(position, now);
    }
  }

  private async judgeHook(hook: CheckedHook, published: readonly Attempted[]): Promise<void> {
    const { cluster } = this;
    const { name, label, publishedBefore, isOrdered, settled } = hook;
    const accounted = await cluster.deadLetters(name);
    const attempted = publishedAfter(published, publishedBefore);
    const unheard = await cluster.unheard(name);
    const report = check(attempted, cluster.receiver.received(name), {
      accounted,
      settled,
      unheard,
      harmed: cluster.harmed,
    });
    const { deaths, hookDeaths, stale } = this.harmMeanwhile();
    const takeovers = deaths + this.losers();
    const disorder = isOrdered ? { disordered: report.disordered.length } : {};
    print(`${this.name} ${label}`, report, { ...disorder, takeovers, dead: accounted.size, ...this.measured });
    expect(report).toMatchObject({ lost: [], unexpected: [], corrupted: [], unverified: [] });
    // What a worker had in flight and had not yet written; what any of them had in flight when the hooks died.
    const bound = takeovers * (concurrency + settleBatch) + hookDeaths * 3 * concurrency;
    expect(report.duplicated).toBeLessThanOrEqual(bound);
    expect(report.doubled).toEqual([]);
    expect(await cluster.settledTwice(name)).toEqual([]);
    expect(report.resent.length).toBeLessThanOrEqual(stale);
    if (isOrdered) expect(report.disordered).toEqual([]);
  }

  /** Also what was done by the rounds that followed while this one waited for its last deliveries. */
  private harmMeanwhile(): Harm {
    const { harm } = this.cluster;
    const since = (kind: keyof Harm) => harm[kind] - this.harmBefore[kind];
    return { deaths: since('deaths'), hookDeaths: since('hookDeaths'), stale: since('stale') };
  }

  /** Workers that have lost streams to others in this round and lived to tell. */
  private losers(): number {
    return this.streamsLost().filter((count, index) => count > (this.lostBefore[index] ?? 0)).length;
  }

  private streamsLost(): number[] {
    return this.cluster.workers.map((worker) => worker.told('delivery.stream-lost'));
  }
}

function print(name: string, report: Report, measured: Stage['measured']): void {
  const { lost, unexpected, doubled, resent, attempted, acknowledged, delivered, duplicated, recovered } = report;
  const counts = { attempted, acknowledged, delivered, duplicated, recovered };
  const wrong = { lost: lost.length, unexpected: unexpected.length, doubled: doubled.length, resent: resent.length };
  const figures = Object.entries({ ...counts, ...wrong, ...measured });
  console.log(`${name}: ${figures.map(([figure, value]) => `${figure} ${value}`).join(', ')}`);
}
