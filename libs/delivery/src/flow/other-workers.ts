import type { DeliveryStores } from '../delivery-stores.js';
import type { Sender } from '../sending/sender.js';
import type { Clock } from '../timing/clock.js';
import type { Parking } from './parking.js';
import { urlName, wordsOf, type WordOn, type WorkerWords } from './worker-words.js';

export interface OtherWorkersOptions {
  workerId: string;
  engine: {
    readonly senders: ReadonlyMap<number, Sender>;
    readonly parking: Pick<Parking, 'quietElsewhere' | 'upElsewhere'>;
    readonly dispatcher: { pump(): void };
  };
  stores: Pick<DeliveryStores, 'say' | 'hear'>;
  clock: Clock;
  ownership: {
    /** False while no other worker shares the streams: then there is nobody to listen to. */
    readonly hasOthers: boolean;
  };
}

const nothing = JSON.stringify({ inFlight: {}, signs: {} } satisfies WorkerWords);
/** Milliseconds after which the same is said again: the table is unlogged, and lost when the server crashes. */
const sayAgainMs = 10_000;

/**
 * Tells the other workers of what they share with this one, and takes over what they tell: how many requests they have
 * under way, which hooks asked for quiet, and which are up again. Whatever is missed or late does no harm: each worker finds
 * out by itself, and sends a little more or a little less until then.
 */
export class OtherWorkers {
  private said = nothing;
  private saidAt = Number.NEGATIVE_INFINITY;
  /** Subscriptions that share their ceiling with others. */
  private shared = new Set<number>();
  /** `<worker>/<subscription>` → the last sign of life that was taken over. */
  private ups = new Map<string, number>();

  constructor(private readonly options: OtherWorkersOptions) {}

  async runOnce(): Promise<{ written: number }> {
    const { workerId, engine, stores, clock, ownership } = this.options;
    const words = wordsOf(engine.senders, clock.now());
    const written = await this.say(words);
    if (ownership.hasOthers) this.listen(await stores.hear(workerId));
    else if (this.shared.size > 0) this.listen(new Map());
    return { written };
  }

  private async say(words: WorkerWords): Promise<number> {
    const { workerId, stores, clock } = this.options;
    const text = JSON.stringify(words);
    const now = clock.monotonic();
    if (text === this.said && (text === nothing || now - this.saidAt < sayAgainMs)) return 0;
    // Before the first heartbeat there is no place to say it in.
    if (!(await stores.say(workerId, words))) return 0;
    [this.said, this.saidAt] = [text, now];
    return 1;
  }

  private listen(heard: ReadonlyMap<string, WorkerWords>): void {
    this.shareCeilings([...heard.values()]);
    const before = this.ups;
    this.ups = new Map();
    for (const [workerId, { signs }] of heard) {
      for (const [id, sign] of Object.entries(signs)) {
        this.takeOver(Number(id), sign, before.get(`${workerId}/${id}`));
        if (sign.upAt !== undefined) this.ups.set(`${workerId}/${id}`, sign.upAt);
      }
    }
    // Some may send more than before.
    this.options.engine.dispatcher.pump();
  }

  private shareCeilings(heard: readonly WorkerWords[]): void {
    const { senders } = this.options.engine;
    const others = new Map<number, number[]>();
    for (const { inFlight } of heard) {
      for (const [id, requests] of Object.entries(inFlight))
        others.set(Number(id), [...(others.get(Number(id)) ?? []), requests]);
    }
    for (const id of new Set([...others.keys(), ...this.shared])) senders.get(id)?.shareWith(others.get(id) ?? []);
    this.shared = new Set(others.keys());
  }

  /** @param knownUp the sign of life that was taken over before */
  private takeOver(id: number, { url, quietUntil, upAt }: WordOn, knownUp: number | undefined): void {
    const { senders, parking } = this.options.engine;
    const sender = senders.get(id);
    if (sender === undefined || urlName(sender.template.url) !== url) return;
    if (quietUntil !== undefined) parking.quietElsewhere(sender, quietUntil);
    if (upAt !== undefined && upAt !== knownUp) parking.upElsewhere(sender);
  }
}
