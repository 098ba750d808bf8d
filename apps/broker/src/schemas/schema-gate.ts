import { Inject, Injectable } from '@nestjs/common';
import type { NewEvent } from '@hookcast/log';
import { Problem } from '../http/problem.js';
import type { TopicName } from '../topics/topic-directory-store.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { violations, type EventSchema, type SchemaViolation } from './event-schema.js';

/** Milliseconds between two lines about one topic: a publisher that is wrong is wrong with every event. */
const quietMs = 10_000;
const shownFaults = 20;

/** Holds events against their topic's schema before they are stored. */
@Injectable()
export class SchemaGate {
  private readonly told = new Map<string, { at: number; unsaid: number }>();

  constructor(@Inject(RUNTIME) private readonly runtime: Runtime) {}

  /**
   * What is wrong with the events, for the publisher to hear although they are stored.
   *
   * @throws Problem schema-violation when the topic rejects them: then none is stored
   */
  check(
    topic: TopicName,
    schema: EventSchema,
    events: readonly NewEvent[],
    form: 'single' | 'batch',
  ): SchemaViolation[] {
    const found = violations(schema.validate, events);
    if (found.length === 0) return found;
    if (schema.mode === 'reject') throw rejection(topic.name, found, form);
    this.tell(topic, found);
    return found;
  }

  /** What comes from a source is stored as it is, whatever the mode: its sender cannot mend it, and would stop sending. */
  observe(topic: TopicName, schema: EventSchema, events: readonly NewEvent[]): void {
    const found = violations(schema.validate, events);
    if (found.length > 0) this.tell(topic, found);
  }

  private tell({ namespace, name: topic }: TopicName, found: readonly SchemaViolation[]): void {
    const now = this.runtime.clock.now().getTime();
    const key = `${namespace}/${topic}`;
    const last = this.told.get(key);
    if (last && now - last.at < quietMs) {
      last.unsaid += found.length;
      return;
    }
    this.told.set(key, { at: now, unsaid: 0 });
    const [first] = found;
    const events = found.length + (last?.unsaid ?? 0);
    this.runtime.log.warn(
      { namespace, topic, events, firstId: first?.id, pointer: first?.pointer, detail: first?.detail },
      'event.schema-violation',
    );
  }
}

function rejection(topic: string, found: readonly SchemaViolation[], form: 'single' | 'batch'): Problem {
  const errors = found.slice(0, shownFaults).map(({ index, pointer, detail }) => ({
    pointer: `${form === 'batch' ? `/${index}` : ''}/data${pointer}`,
    detail,
  }));
  const detail = `${found.length} of the events are not as the schema of ${topic} says. None was stored.`;
  return new Problem('schema-violation', { detail, errors });
}
