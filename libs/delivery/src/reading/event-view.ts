import { EventView } from '@hookcast/filter';
import { busExtensions } from '@hookcast/protocol';
import type { StoredEvent } from '@hookcast/log';

/** A stored event as filters see it. */
export function eventView(stored: StoredEvent): EventView {
  const { attributes } = stored;
  return new EventView({
    id: stored.id,
    source: stored.source,
    type: stored.type,
    topic: stored.topic,
    subject: stored.subject,
    time: attributes.time ?? stored.createdAt.toISOString(),
    key: stored.key ?? attributes.extensions?.[busExtensions.orderingKey],
    datacontenttype: stored.contentType,
    dataschema: attributes.dataschema,
    extensions: attributes.extensions,
    data: stored.data,
  });
}
