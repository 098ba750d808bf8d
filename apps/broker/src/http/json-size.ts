/** What a body may make the parser build. */
export interface JsonLimits {
  maxJsonDepth: number;
  maxJsonNodes: number;
}

const quote = 0x22;
const backslash = 0x5c;

/** By byte: the change of depth, and how many values begin after it. */
const depthOf = byByte({ '[': 1, '{': 1, ']': -1, '}': -1 });
const valuesOf = byByte({ '[': 1, '{': 1, ',': 1 });

/**
 * What is too large about a JSON text, found in one pass over its bytes before anything is built from it; undefined
 * when nothing is. The text need not be JSON: what is wrong with it otherwise is found later.
 */
export function jsonExcess(bytes: Uint8Array, { maxJsonDepth, maxJsonNodes }: JsonLimits): string | undefined {
  let depth = 0;
  // Every value but the first follows a bracket or a comma: an empty array or object counts for two.
  let values = 1;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) {
      at = endOfText(bytes, at);
      continue;
    }
    depth += depthOf[byte] ?? 0;
    values += valuesOf[byte] ?? 0;
    if (depth > maxJsonDepth) return `is nested deeper than ${maxJsonDepth} levels`;
    if (values > maxJsonNodes) return `has more than ${maxJsonNodes} values`;
  }
  return undefined;
}

function byByte(changes: Record<string, number>): Int8Array {
  const table = new Int8Array(256);
  for (const [character, change] of Object.entries(changes)) table[character.charCodeAt(0)] = change;
  return table;
}

/** The offset of the closing quote, or the end of what was cut off. */
function endOfText(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}
