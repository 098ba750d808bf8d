import { ValidationPipe, type ValidationError } from '@nestjs/common';
import { Problem, type FieldError } from './problem.js';

/** Validates every DTO: unknown fields are refused, and all faults are reported at once with JSON pointers. */
export function validationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    validationError: { target: false, value: false },
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
  const own = Object.entries(error.constraints ?? {}).map(([rule, text]) =>
    rule === 'whitelistValidation'
      ? { pointer, detail: 'is not a known field' }
      : elementError(pointer, withoutName(text, error.property)),
  );
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, pointer))];
}

/** "limit must not be greater than 200" → "must not be greater than 200": the pointer already names the field. */
function withoutName(text: string, property: string): string {
  return text.startsWith(`${property} `) ? text.slice(property.length + 1) : text;
}

/** A rule about elements starts its text with the element's pointer, see EachSatisfies. */
function elementError(pointer: string, text: string): FieldError {
  const element = /^(\/\S+) (.*)$/s.exec(text);
  return element ? { pointer: `${pointer}${element[1]}`, detail: element[2] ?? '' } : { pointer, detail: text };
}
