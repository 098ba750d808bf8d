/** The place of an event: stream and seq. Written `<streamId>:<seq>`. */
export interface Position {
  streamId: number;
  seq: number;
}

const largestStreamId = 2 ** 31 - 1;
// No leading zeros: one position has one spelling.
const position = /^(0|[1-9]\d{0,9}):(0|[1-9]\d{0,15})$/;

export function formatPosition(streamId: number, seq: number): string {
  return `${streamId}:${seq}`;
}

/** Undefined for anything that is not `<streamId>:<seq>` with numbers that the log can hold. */
export function parsePosition(text: string): Position | undefined {
  const match = position.exec(text);
  if (!match) return undefined;
  const streamId = Number(match[1]);
  const seq = Number(match[2]);
  return streamId <= largestStreamId && Number.isSafeInteger(seq) ? { streamId, seq } : undefined;
}
