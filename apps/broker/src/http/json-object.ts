import { jsonError } from '@hookcast/protocol';
import { jsonExcess, type JsonLimits } from './json-size.js';
import { Problem, type FieldError } from './problem.js';
import { unstorableText } from './storable-text.js';
import { invalid } from './validation.js';

/**
 * The JSON object in a body; an empty body is an empty object.
 *
 * @throws Problem validation-failed; the offending text is never repeated, since it may hold a secret
 */
export function parseJsonObject(body: Buffer, limits: JsonLimits): object {
  if (body.length === 0) return {};
  const excess = jsonExcess(body, limits);
  if (excess !== undefined) throw malformed(excess);
  // By our own scanner too, which is stricter about bytes than JSON.parse.
  const fault = jsonError(body);
  if (fault !== undefined) throw malformed(fault);
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('must be a JSON object');
  if (Object.hasOwn(value, '__proto__'))
    throw new Problem('validation-failed', { errors: [unknownField('__proto__')] });
  // Either can only be in a body that spells a character out.
  const unstorable = body.includes('\\u') ? unstorableText(value) : undefined;
  if (unstorable !== undefined)
    throw invalid([{ pointer: unstorable, detail: 'has a NUL or half of a surrogate pair' }]);
  return value;
}

export function unknownField(name: string): FieldError {
  return { pointer: pointerTo(name), detail: 'is not a known field' };
}

export function unknownParameter(name: string, takesBody: boolean): FieldError {
  const hint = takesBody ? '; fields of the request belong into its body' : '';
  return { pointer: pointerTo(name), detail: `is not a known parameter of the address${hint}` };
}

function pointerTo(name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function malformed(detail: string): Problem {
  return new Problem('validation-failed', { detail: `The body ${detail}.`, errors: [{ pointer: '', detail }] });
}
