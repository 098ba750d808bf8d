/** A dead letter: one event that was given up for one subscription. */
export interface DeadLetterPlace {
  subscriptionId: number;
  streamId: number;
  seq: number;
}

const pattern = /^dl_([1-9]\d{0,9})_([1-9]\d{0,9})_([1-9]\d{0,15})$/;
const largestInt = 2 ** 31 - 1;

/** Opaque to callers, and fit for an address. */
export function formatDeadLetterId({ subscriptionId, streamId, seq }: DeadLetterPlace): string {
  return `dl_${subscriptionId}_${streamId}_${seq}`;
}

/** Undefined for a text that is no such id. */
export function parseDeadLetterId(text: string): DeadLetterPlace | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [subscriptionId = 0, streamId = 0, seq = 0] = match.slice(1).map(Number);
  const fits = subscriptionId <= largestInt && streamId <= largestInt && Number.isSafeInteger(seq);
  return fits ? { subscriptionId, streamId, seq } : undefined;
}
