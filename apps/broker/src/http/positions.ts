import { parsePosition } from '@hookcast/log';

/** Positions of one or several streams with commas between; undefined when one is none or a stream comes twice. */
export function parsePositions(text: string): ReadonlyMap<number, number> | undefined {
  const positions = new Map<number, number>();
  for (const part of text.split(',')) {
    const position = parsePosition(part);
    if (!position || positions.has(position.streamId)) return undefined;
    positions.set(position.streamId, position.seq);
  }
  return positions;
}
