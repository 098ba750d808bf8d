import { isCelMap, type CelValue } from '@bufbuild/cel';
import { patternSize } from './regexp-size.js';

/** Characters that a plain string operation passes in one cost unit, or keys that a search does. */
const charactersPerUnit = 32;

/** The cost of a call by the size of what it reads, in units (see `filterLimits.cost`). */
export function callCost(name: string, target: CelValue | undefined, args: readonly CelValue[]): number {
  const first = args[0];
  switch (name) {
    case 'startsWith':
    case 'endsWith':
      return 1 + lengthOf(first) / charactersPerUnit;
    case 'contains':
      return containsCost(lengthOf(target), lengthOf(first));
    case 'matches':
      return matchesCost(target, args);
    case '_<_':
    case '_<=_':
    case '_>_':
    case '_>=_':
      return 1 + Math.min(lengthOf(first), lengthOf(args[1])) / charactersPerUnit;
    case '_+_':
      return 1 + (lengthOf(first) + lengthOf(args[1])) / charactersPerUnit;
    default:
      return generalCost(target, args);
  }
}

/** The engine's search may compare a long needle at every place, with a table for its last 250 characters only. */
function containsCost(text: number, needle: number): number {
  return 1 + text / charactersPerUnit + (text * needle) / 256;
}

/** Measured: 15 to 200 µs to compile, then up to 0.085 µs per character and instruction. */
function matchesCost(target: CelValue | undefined, args: readonly CelValue[]): number {
  const [text, pattern] = target === undefined ? args : [target, args[0]];
  const size = typeof pattern === 'string' ? patternSize(pattern) : 0;
  return 200 + size + lengthOf(text) * (4 + size / 4);
}

/** A time zone is looked up anew by every call, which takes some 50 µs. */
function generalCost(target: CelValue | undefined, args: readonly CelValue[]): number {
  const zone = target !== undefined && typeof target === 'object' && args.length > 0 ? 300 : 0;
  return args.reduce<number>((sum, arg) => sum + lengthOf(arg) / 8, 1 + zone + lengthOf(target) / 8);
}

function lengthOf(value: CelValue | undefined): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
  return 0;
}

/** The engine looks for a number among all keys of a map, since 1, 1u and 1.0 are one key. */
export function keyCost(map: CelValue | undefined): number {
  return isCelMap(map) ? 1 + map.size / charactersPerUnit : 1;
}
