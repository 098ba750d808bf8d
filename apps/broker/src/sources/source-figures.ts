import type { MinuteCount } from './source-records-store.js';
import type { MinuteResponse } from './reception-response.js';
import type { SourceHealthResponse, VerdictCounts } from './source-response.js';

const minuteMs = 60_000;

type Counts = Record<keyof VerdictCounts, number>;

function noCounts(): Counts {
  return { accepted: 0, duplicate: 0, handshake: 0, refused: 0, failed: 0, bytes: 0 };
}

function add(counts: Counts, { verdict, requests, bytes }: MinuteCount): void {
  counts[verdict] += requests;
  counts.bytes += bytes;
}

/** What the counts of the last hour say about a source. */
export function healthOf(counts: readonly MinuteCount[], now: Date): SourceHealthResponse {
  const lastHour = noCounts();
  const reasons: Record<string, number> = {};
  const lastMinute = Math.floor(now.getTime() / minuteMs) * minuteMs - minuteMs;
  let requestsPerMinute = 0;
  for (const count of counts) {
    add(lastHour, count);
    if (count.reason !== '') reasons[count.reason] = (reasons[count.reason] ?? 0) + count.requests;
    if (count.minute.getTime() === lastMinute) requestsPerMinute += count.requests;
  }
  return { requestsPerMinute, lastHour, reasons };
}

/** One entry per minute, in the order of the counts. */
export function minutesOf(counts: readonly MinuteCount[]): MinuteResponse[] {
  const minutes = new Map<string, MinuteResponse>();
  for (const count of counts) {
    const minute = count.minute.toISOString();
    const entry = minutes.get(minute) ?? { minute, ...noCounts() };
    add(entry, count);
    minutes.set(minute, entry);
  }
  return [...minutes.values()];
}
