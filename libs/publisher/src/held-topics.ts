import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isTopicName } from '@hookcast/protocol';
import type { OutgoingEvent } from './outgoing-event.js';
import { SpoolDrain, type SpoolDrainOptions } from './spool-drain.js';
import { topicOf } from './spool-sender.js';
import type { Append } from './spool-writer.js';
import { Spool, type SpoolSettings } from './spool.js';

export interface HeldTopicsOptions extends Omit<SpoolDrainOptions, 'spool'> {
  /** Of the spool that the topics are taken out of. */
  spool: SpoolSettings;
}

interface HeldTopic {
  spool: Spool;
  drain: SpoolDrain;
}

/**
 * Topics that the key may not publish to. Their events wait in a spool for each, under `held/`, and are tried from there,
 * so that they hold up no other topic; what follows of such a topic queues up behind them.
 */
export class HeldTopics {
  private readonly directory: string;
  private readonly topics = new Map<string, HeldTopic>();

  /** @throws {Error} when what the last process held back cannot be read */
  constructor(private readonly options: HeldTopicsOptions) {
    this.directory = join(options.spool.directory, 'held');
    try {
      for (const topic of heldIn(this.directory)) this.open(topic);
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  /** Files that bytes were moved to because they are not those that were written. */
  get damaged(): string[] {
    return [...this.topics.values()].flatMap(({ spool }) => spool.damaged);
  }

  get events(): number {
    return this.sum((spool) => spool.events);
  }

  get bytes(): number {
    return this.sum((spool) => spool.bytes);
  }

  /** True while something of the topic waits. */
  has(topic: string): boolean {
    return this.topics.get(topic)?.spool.isEmpty === false;
  }

  /** Starts to publish what is left of the last process. */
  wake(): void {
    for (const { drain } of this.topics.values()) drain.wake();
  }

  /** Queues one call up behind those of its topic, as {@link Spool.append} does. */
  append(events: readonly OutgoingEvent[], onEnd: Append['onEnd']): void {
    const topic = topicOf(events);
    const { spool, drain } = this.topics.get(topic) ?? this.open(topic);
    spool.append(events, onEnd);
    drain.wake();
  }

  /** Takes over calls that were spooled already. @throws what the file system had against it; some may be held then */
  async hold(calls: readonly OutgoingEvent[][]): Promise<void> {
    await Promise.all(
      calls.map(
        async (events) =>
          new Promise<void>((resolve, reject) => {
            this.append(events, (error) => {
              if (error === undefined) resolve();
              else reject(new Error(`Events of ${topicOf(events)} could not be held back.`, { cause: error }));
            });
          }),
      ),
    );
  }

  /** Writes what is queued. What is held waits for the next start. */
  async close(): Promise<void> {
    await Promise.all([...this.topics].map(async ([topic, held]) => this.closeOne(topic, held)));
  }

  private async closeOne(topic: string, { spool, drain }: HeldTopic): Promise<void> {
    await drain.end();
    await spool.close();
    if (spool.isEmpty) await rm(join(this.directory, topic), { recursive: true, force: true });
  }

  private open(topic: string): HeldTopic {
    // No bound of its own: what comes here has been within that of the whole.
    const spool = new Spool({ ...this.options.spool, directory: join(this.directory, topic), maxBytes: Infinity });
    const held = { spool, drain: new SpoolDrain({ ...this.options, spool }) };
    this.topics.set(topic, held);
    return held;
  }

  private sum(of: (spool: Spool) => number): number {
    let sum = 0;
    for (const { spool } of this.topics.values()) sum += of(spool);
    return sum;
  }
}

function heldIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => isTopicName(name));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
