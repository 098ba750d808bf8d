import { formatPosition, parsePosition } from '../reading/position.js';

/** Postgres refuses a notification of 8,000 bytes. Source: PostgreSQL documentation, NOTIFY. */
const longestPayload = 7_999;

/** Heads as payloads of notifications: `<streamId>:<seq>,...`, as many as it takes. */
export function formatPayloads(heads: ReadonlyMap<number, number>): string[] {
  const payloads: string[] = [];
  let payload = '';
  for (const [streamId, seq] of heads) {
    const head = formatPosition(streamId, seq);
    if (payload === '') payload = head;
    else if (payload.length + 1 + head.length <= longestPayload) payload += `,${head}`;
    else {
      payloads.push(payload);
      payload = head;
    }
  }
  if (payload !== '') payloads.push(payload);
  return payloads;
}

/** The heads of a payload. Anyone may notify, so what is no position is left out. */
export function parsePayload(payload: string): Map<number, number> {
  const heads = new Map<number, number>();
  for (const part of payload.split(',')) {
    const head = parsePosition(part);
    if (head) heads.set(head.streamId, Math.max(head.seq, heads.get(head.streamId) ?? 0));
  }
  return heads;
}
