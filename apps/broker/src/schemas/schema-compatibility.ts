import { isPlainObject } from '../http/field-rules.js';

/** Something that a new schema lets through and the old one did not: what subscribers may not be ready for. */
export interface SchemaWidening {
  /** JSON pointer into the schema. */
  pointer: string;
  detail: string;
}

type Schema = Record<string, unknown> | boolean;

/** Says what a changed keyword lets through, or undefined when the change only narrows. */
type Rule = (before: unknown, after: unknown) => string | undefined;

/** Keywords that say nothing about what is valid. */
const annotations = new Set([
  '$comment',
  '$id',
  '$schema',
  'default',
  'deprecated',
  'description',
  'example',
  'examples',
  'readOnly',
  'title',
  'writeOnly',
]);

const lowerBound: Rule = (before, after) =>
  Number(after) >= Number(before) ? undefined : `was ${String(before)}, is ${String(after)}`;
const upperBound: Rule = (before, after) =>
  Number(after) <= Number(before) ? undefined : `was ${String(before)}, is ${String(after)}`;

/** Keywords whose change can be judged by their two values alone. */
const rules: Readonly<Record<string, Rule>> = {
  type: (before, after) => added('type', typesOf(before), typesOf(after)),
  enum: (before, after) => added('value', listOf(before), listOf(after)),
  required: (before, after) => missing(listOf(before), listOf(after)),
  minimum: lowerBound,
  exclusiveMinimum: lowerBound,
  minLength: lowerBound,
  minItems: lowerBound,
  minProperties: lowerBound,
  maximum: upperBound,
  exclusiveMaximum: upperBound,
  maxLength: upperBound,
  maxItems: upperBound,
  maxProperties: upperBound,
};

/** A new keyword takes from what the other one judges. */
const takesFrom: readonly [string, string][] = [
  ['prefixItems', 'items'],
  ['patternProperties', 'additionalProperties'],
  ['minContains', 'contains'],
];

/**
 * What `after` lets through that `before` did not. Empty means that everything valid by the new schema is valid by the
 * old one, so that no subscriber can meet anything new. Where that cannot be told, as for a changed `pattern`, it is
 * reported: better one line too many than a surprise.
 */
export function widenings(before: Schema | null, after: Schema | null, pointer = ''): SchemaWidening[] {
  if (before === null || before === true) return [];
  if (after === null) return [{ pointer, detail: 'anything is let through: the schema is gone' }];
  if (after === false || isSame(before, after)) return [];
  if (after === true) return [{ pointer, detail: 'anything is let through' }];
  // What was nothing at all may now be something.
  if (before === false) return [{ pointer, detail: 'was never allowed' }];
  const keywords = Object.keys(before).filter((keyword) => !annotations.has(keyword));
  const changed = keywords.flatMap((keyword) => keywordWidenings(keyword, before, after, pointer));
  return [...changed, ...newKeywordWidenings(before, after, pointer)];
}

function newKeywordWidenings(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  pointer: string,
): SchemaWidening[] {
  return takesFrom
    .filter(([fresh, judge]) => fresh in after && !(fresh in before) && judge in before)
    .map(([fresh, judge]) => ({ pointer: `${pointer}/${fresh}`, detail: `may let through what ${judge} did not` }));
}

function keywordWidenings(
  keyword: string,
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  pointer: string,
): SchemaWidening[] {
  const at = `${pointer}/${escape(keyword)}`;
  if (keyword === 'properties') return propertyWidenings(before, after, at);
  if (keyword === 'additionalProperties' || keyword === 'items') return nested(before[keyword], after[keyword], at);
  // What is unevaluated depends on every other keyword, and something else has changed.
  if (keyword.startsWith('unevaluated')) return [{ pointer: at, detail: 'may judge less than before' }];
  if (isSame(before[keyword], after[keyword])) return [];
  if (!(keyword in after)) return [{ pointer: at, detail: 'is gone' }];
  const rule = rules[keyword];
  const detail = rule ? rule(before[keyword], after[keyword]) : 'has changed in a way that cannot be judged';
  return detail === undefined ? [] : [{ pointer: at, detail }];
}

function nested(before: unknown, after: unknown, at: string): SchemaWidening[] {
  return widenings(asSchema(before), after === undefined ? true : asSchema(after), at);
}

/** A property that is no longer described falls under what is said of additional ones. */
function propertyWidenings(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  at: string,
): SchemaWidening[] {
  const old = membersOf(before['properties']);
  const now = membersOf(after['properties']);
  // It may match a pattern, whose schema is not looked into.
  const rest = 'patternProperties' in after ? true : (after['additionalProperties'] ?? true);
  const kept = Object.keys(old).flatMap((name) => {
    const described = Object.hasOwn(now, name) ? now[name] : rest;
    return nested(old[name], described, `${at}/${escape(name)}`);
  });
  return [...kept, ...newPropertyWidenings(before, after, at)];
}

/** A property that is described anew was judged as an additional one. */
function newPropertyWidenings(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  at: string,
): SchemaWidening[] {
  const old = membersOf(before['properties']);
  const now = membersOf(after['properties']);
  const rest = before['additionalProperties'];
  if (rest === undefined || rest === true) return [];
  return Object.keys(now)
    .filter((name) => !Object.hasOwn(old, name))
    .flatMap((name) => nested(rest, now[name], `${at}/${escape(name)}`));
}

const asSchema = (value: unknown): Schema => (typeof value === 'boolean' ? value : membersOf(value));
const membersOf = (value: unknown): Record<string, unknown> => (isPlainObject(value) ? value : {});
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Every number that is an integer is a number. */
function typesOf(value: unknown): unknown[] {
  const types = Array.isArray(value) ? value : [value];
  return types.includes('number') ? [...types, 'integer'] : types;
}

function added(noun: string, before: readonly unknown[], after: readonly unknown[]): string | undefined {
  const known = new Set(before.map((each) => JSON.stringify(each)));
  const fresh = after.map((each) => JSON.stringify(each)).filter((each) => !known.has(each));
  return fresh.length === 0 ? undefined : `lets the ${noun} ${fresh.slice(0, 10).join(', ')} through`;
}

function missing(before: readonly unknown[], after: readonly unknown[]): string | undefined {
  const gone = before.filter((each) => !after.includes(each));
  return gone.length === 0 ? undefined : `${gone.slice(0, 10).join(', ')} may now be missing`;
}

function isSame(before: unknown, after: unknown): boolean {
  return canonical(before) === canonical(after);
}

/** The order of members does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

const escape = (token: string): string => token.replaceAll('~', '~0').replaceAll('/', '~1');
