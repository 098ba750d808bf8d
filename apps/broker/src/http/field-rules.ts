import { ValidateBy, ValidateIf } from 'class-validator';

/** The field may be absent; unlike class-validator's IsOptional, an explicit null is a wrong type. */
export const MayBeAbsent = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

/** The value passes `check`, or `rule` completes the sentence "the field …". */
export function Satisfies(check: (value: unknown) => boolean, rule: string): PropertyDecorator {
  return ValidateBy({ name: 'satisfies', validator: { validate: check, defaultMessage: () => rule } });
}

/**
 * Every element passes `check`. The text starts with the pointer of the first element that does not, which
 * `fieldErrors` appends to the field's own.
 */
export function EachSatisfies(check: (value: unknown) => boolean, rule: string): PropertyDecorator {
  const firstBad = (value: unknown) => (Array.isArray(value) ? value.findIndex((element) => !check(element)) : -1);
  return ValidateBy({
    name: 'eachSatisfies',
    validator: {
      validate: (value) => firstBad(value) < 0,
      defaultMessage: (args) => `/${firstBad(args?.value)} ${rule}`,
    },
  });
}

/** The pointer of a member, to begin the text of a rule with: without spaces, which end it. `fieldErrors` undoes that. */
export function elementPointer(name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll(/[%\s]/g, encodeURIComponent)}`;
}

/** A JSON object, as opposed to an array, null or a scalar. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
