import { celEnv, isCelList, isCelMap, type CelList, type CelMap, type CelValue } from '@bufbuild/cel';
import { meter } from './cost-meter.js';

const scalars = celEnv().funcs.find('_==_');

/** CEL's equality, charged per element; stops early, with any answer, once the meter is exhausted. */
export function equals(left: CelValue, right: CelValue): boolean {
  if (!meter.charge(comparisonCost(left, right))) return false;
  if (left === right) return true;
  if (isCelList(left) && isCelList(right)) return equalLists(left, right);
  if (isCelMap(left) && isCelMap(right)) return equalMaps(left, right);
  if (typeof left === 'string') return false;
  return scalars?.call(0, undefined, [left, right]) === true;
}

/** Only texts of one length are compared character by character. */
function comparisonCost(left: CelValue, right: CelValue): number {
  if (typeof left === 'string') {
    return typeof right === 'string' && left.length === right.length ? 1 + left.length / 256 : 1;
  }
  return left instanceof Uint8Array ? 1 + left.length / 32 : 1;
}

function equalLists(left: CelList, right: CelList): boolean {
  if (left.size !== right.size) return false;
  const others = right[Symbol.iterator]();
  for (const item of left) {
    const other = others.next();
    if (other.done === true || !equals(item, other.value)) return false;
  }
  return true;
}

function equalMaps(left: CelMap, right: CelMap): boolean {
  if (left.size !== right.size) return false;
  for (const [key, value] of left.entries()) {
    const other = right.get(key);
    if (other === undefined || !equals(value, other)) return false;
  }
  return true;
}
