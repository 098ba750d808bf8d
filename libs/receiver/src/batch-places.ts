import { hookHeaders, parseAttempts, parsePositions, type HeaderValues } from '@hookcast/protocol';

/** What the headers of a batch say of one of its events. */
export interface BatchPlace {
  /** Undefined when they only say the highest of all. */
  attempt: number | undefined;
  /** Undefined when they do not say; of the first event they always do. */
  position: string | undefined;
}

/** The places of the events of a batch, in its order. */
export function batchPlaces(headers: HeaderValues, count: number): BatchPlace[] {
  const positions = parsePositions(text(headers[hookHeaders.positions]), count);
  const attempts = parseAttempts(text(headers[hookHeaders.attempts]), count);
  const first = text(headers[hookHeaders.position]) || undefined;
  return Array.from({ length: count }, (_, index) => ({
    attempt: attempts?.[index],
    position: positions?.[index] ?? (index === 0 ? first : undefined),
  }));
}

const text = (value: string | string[] | undefined): string => (typeof value === 'string' ? value : '');
