import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { createPublisher } from '@hookcast/publisher';
import { adminKey } from '../support/broker.js';
import type { Attempted } from './checker.js';
import type { Cluster } from './cluster.js';

/** Publishers that go on publishing, each to its own api process, until they are stopped. */
export class Load {
  readonly attempted: Attempted[] = [];
  private isOver = false;
  private readonly buses;
  private readonly pending: Promise<void>[] = [];
  private readonly acknowledgements = [0, 0];
  private readonly running: Promise<unknown>;

  /** @param everyMs between two events of one publisher */
  constructor(
    cluster: Cluster,
    private readonly topic: string,
    private readonly everyMs: number,
  ) {
    this.buses = cluster.apis.map(({ url }) =>
      createPublisher({ url, apiKey: adminKey, timeoutMs: 60_000, requestTimeoutMs: 3_000, retry: { maxMs: 500 } }),
    );
    this.running = Promise.all(this.buses.map(async (bus, number) => this.publish(bus, number)));
  }

  get acknowledged(): number {
    return this.attempted.filter(({ isAcknowledged }) => isAcknowledged).length;
  }

  /** What one of the publishers, and so one of the api processes, has acknowledged. */
  acknowledgedBy(publisher: number): number {
    return this.acknowledgements[publisher] ?? 0;
  }

  /** Publishes to another topic, apart from all that is counted here. */
  async publishApart(topic: string, events: readonly { id: string; data: Buffer }[]): Promise<void> {
    await this.buses[1]?.publishBatch(
      topic,
      events.map((event) => ({ ...event, contentType: 'application/json' })),
    );
  }

  /** Waits until every call has its outcome. */
  async stop(): Promise<readonly Attempted[]> {
    this.isOver = true;
    await this.running;
    await Promise.all(this.pending);
    await Promise.all(this.buses.map(async (bus) => bus.close()));
    return this.attempted;
  }

  private async publish(bus: ReturnType<typeof createPublisher>, number: number): Promise<void> {
    for (let index = 0; !this.isOver; index += 1) {
      // A key stays with its publisher: only then do its events have an order.
      // The topic's dots would be escaped in the header that carries the id.
      const event = { id: `${this.topic.replaceAll('.', '-')}-${number}-${index}`, key: `${number}-key-${index % 31}` };
      const data = Buffer.from(`{"number":${index},"rate":1.0,"note":"${'x'.repeat(index % 300)}"}`);
      const attempt: Attempted = {
        ...event,
        sha: createHash('sha256').update(data).digest('hex'),
        isAcknowledged: false,
      };
      this.attempted.push(attempt);
      const call = bus.publish(this.topic, data, { ...event, contentType: 'application/json' });
      this.pending.push(
        call.then(
          () => this.acknowledge(attempt, number),
          // Its outcome stays unknown.
          () => {},
        ),
      );
      await pause(this.everyMs);
    }
  }

  private acknowledge(attempt: Attempted, publisher: number): void {
    attempt.isAcknowledged = true;
    this.acknowledgements[publisher] = this.acknowledgedBy(publisher) + 1;
  }
}
