import { isReservedHeader } from '@hookcast/delivery';
import { ValidateBy } from 'class-validator';
import { elementPointer, isPlainObject } from '../http/field-rules.js';

const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const visibleAscii = /^[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?$/;
const maxHeaders = 20;

/** The field holds custom headers for hook requests: names and values that HTTP and the broker can live with. */
export const IsHeaderMap = (): PropertyDecorator =>
  ValidateBy({
    name: 'isHeaderMap',
    validator: {
      validate: (value) => headerFault(value) === undefined,
      defaultMessage: (args) => headerFault(args?.value) ?? '',
    },
  });

/** What is wrong with custom headers, starting with the pointer of the header where it is about one. */
export function headerFault(headers: unknown): string | undefined {
  if (!isPlainObject(headers)) return 'must be an object';
  const entries = Object.entries(headers);
  if (entries.length > maxHeaders) return `must have at most ${maxHeaders} headers`;
  const names = entries.map(([name]) => name.toLowerCase());
  for (const [name, value] of entries) {
    const fault = entryFault(name, value, names);
    if (fault !== undefined) return `${elementPointer(name)} ${fault}`;
  }
  return undefined;
}

function entryFault(name: string, value: unknown, names: readonly string[]): string | undefined {
  if (!token.test(name)) return 'is not a header name';
  if (name.toLowerCase() === 'authorization') return 'holds credentials, which belong into auth';
  if (isReservedHeader(name)) return 'is a header that is not yours to set';
  if (names.filter((other) => other === name.toLowerCase()).length > 1) return 'is given twice in different case';
  if (typeof value !== 'string' || !visibleAscii.test(value)) return 'must be 1 to 1024 printable ASCII characters';
  return undefined;
}
