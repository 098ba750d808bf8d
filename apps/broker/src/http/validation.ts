import { ValidationPipe, type ValidationError } from '@nestjs/common';
import { Problem, type FieldError } from './problem.js';

/** Validates every DTO: unknown fields are refused, and all faults are reported at once with JSON pointers. */
export function validationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    validationError: { target: false, value: true },
    exceptionFactory: (errors: ValidationError[]) => invalid(errors.flatMap((error) => fieldErrors(error, ''))),
  });
}

export function invalid(errors: readonly FieldError[]): Problem {
  const [first] = errors;
  const detail = first
    ? `${first.pointer === '' ? 'The body' : first.pointer} ${first.detail}`
    : 'The request is not valid';
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return new Problem('validation-failed', { detail: `${detail}${more}.`, errors });
}

/** class-validator's tree, flattened. Exported for its test. */
export function fieldErrors(error: ValidationError, parent: string): FieldError[] {
  const pointer = `${parent}/${error.property.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  if (isMissing(error)) return [{ pointer, detail: 'is required' }];
  const own = tellingRules(error.constraints ?? {}).map(([rule, text]) =>
    rule === 'whitelistValidation'
      ? { pointer, detail: 'is not a known field' }
      : elementError(pointer, plainTexts[rule] ?? withoutName(text, error.property)),
  );
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, pointer))];
}

/** What may be absent has no rules then; of what may not, its type and range are beside the point. */
function isMissing(error: ValidationError): boolean {
  return error.constraints !== undefined && Object.hasOwn(error, 'value') && error.value === undefined;
}

/** For texts of class-validator that say nothing, or not in a sentence that begins with the field. */
const plainTexts: Partial<Record<string, string>> = {
  isNumber: 'must be a number',
  arrayUnique: 'must not hold anything twice',
};

const typeRules = new Set(['isInt', 'isNumber', 'isString', 'isBoolean', 'isArray', 'isObject']);

/** Of a value of the wrong type only that is told: that a text is also "not below 0" helps nobody. */
function tellingRules(constraints: Record<string, string>): [rule: string, text: string][] {
  const broken = Object.entries(constraints);
  const type = broken.find(([rule]) => typeRules.has(rule));
  return type ? [type] : broken;
}

/** "limit must not be greater than 200" → "must not be greater than 200": the pointer already names the field. */
function withoutName(text: string, property: string): string {
  return text.startsWith(`${property} `) ? text.slice(property.length + 1) : text;
}

/** A rule about elements starts its text with the element's pointer, see EachSatisfies and elementPointer. */
function elementError(pointer: string, text: string): FieldError {
  const [, path, detail] = /^(\/\S+) (.*)$/s.exec(text) ?? [];
  if (path === undefined || detail === undefined) return { pointer, detail: text };
  return { pointer: `${pointer}${decodeURIComponent(path)}`, detail };
}
