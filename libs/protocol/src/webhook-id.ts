/**
 * The `webhook-id` of an event. The signed text is `id.timestamp.body`, so a dot inside the id would let two different
 * requests share one signature: `.` becomes `%2E`, and `%` becomes `%25` to keep the mapping one to one.
 */
export function escapeWebhookId(eventId: string): string {
  if (!/[%.]/.test(eventId)) return eventId;
  return eventId.replaceAll('%', '%25').replaceAll('.', '%2E');
}

/** The event id inside a `webhook-id`. */
export function unescapeWebhookId(id: string): string {
  return id.replaceAll(/%(?:25|2E)/gi, (escape) => (escape === '%25' ? '%' : '.'));
}

/** The `webhook-id` of a batch: `batch_<first event id>_<count>`, escaped. */
export function batchWebhookId(firstEventId: string, count: number): string {
  return escapeWebhookId(`batch_${firstEventId}_${count}`);
}
