import type { NewEvent } from '@hookcast/log';
import { isJsonContentType } from '@hookcast/protocol';
import type { SchemaFault, SchemaValidator } from './schema-compiler.js';

/** The schema of a topic, ready to judge events. */
export interface EventSchema {
  mode: 'warn' | 'reject';
  validate: SchemaValidator;
}

/** An event that is not as its topic's schema says. */
export interface SchemaViolation extends SchemaFault {
  /** Its place among those published together. */
  index: number;
  id: string;
}

/** The first fault of each event whose data is not as the schema says. Pointers lead into the data. */
export function violations(validate: SchemaValidator, events: readonly NewEvent[]): SchemaViolation[] {
  return events.flatMap((event, index) => {
    const fault = faultOf(validate, event);
    return fault === undefined ? [] : [{ index, id: event.id, ...fault }];
  });
}

function faultOf(validate: SchemaValidator, { contentType, data }: NewEvent): SchemaFault | undefined {
  if (data === undefined) return { pointer: '', detail: 'is missing, and the topic has a schema' };
  if (!isJsonContentType(contentType)) return { pointer: '', detail: 'is not JSON, and the topic has a schema' };
  // Publishing has checked that it is JSON.
  return validate(JSON.parse(data.toString('utf8')));
}
