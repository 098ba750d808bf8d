import type { Expr } from './engine.js';
import type { EventView } from './event-view.js';
import { textAttributes } from './expression-check.js';
import type { JsonValue } from './json-value.js';

/** True or false as the engine would say; undefined where the engine would find an error, and knows its words. */
export type FastPath = (view: EventView) => boolean | undefined;

/** A value of the event, or undefined where reading it is an error. */
type Read = (view: EventView) => JsonValue | undefined;
type Literal = null | boolean | bigint | number | string;
type Call = Extract<Expr['exprKind'], { case: 'callExpr' }>['value'];
type Ordering = '_<_' | '_<=_' | '_>_' | '_>=_';

/**
 * The filters most people write, without the engine: comparisons of an attribute or `data.a.b` with a literal,
 * `in` a list of literals, `startsWith`, `endsWith`, `has`, and `&&`, `||`, `!` of those. Undefined for all else.
 */
export function compileFastPath(expr: Expr): FastPath | undefined {
  const kind = expr.exprKind;
  if (kind.case === 'selectExpr' && kind.value.testOnly) return compileHas(kind.value.operand, kind.value.field);
  if (kind.case !== 'callExpr') return undefined;
  return compilers[kind.value.function]?.(kind.value);
}

const compilers: Readonly<Record<string, (call: Call) => FastPath | undefined>> = {
  '_&&_': ({ args }) => compileJunction(args, false),
  '_||_': ({ args }) => compileJunction(args, true),
  '!_': ({ args }) => compileNot(args[0]),
  '_==_': (call) => compileEquality(call, false),
  '_!=_': (call) => compileEquality(call, true),
  '@in': compileIn,
  '_<_': (call) => compileOrdering(call, '_<_'),
  '_<=_': (call) => compileOrdering(call, '_<=_'),
  '_>_': (call) => compileOrdering(call, '_>_'),
  '_>=_': (call) => compileOrdering(call, '_>=_'),
  startsWith: (call) => compileAffix(call, 'startsWith'),
  endsWith: (call) => compileAffix(call, 'endsWith'),
};

/** `decisive` ends the evaluation: true for `||`, false for `&&`. An error counts only when nothing decides. */
function compileJunction(args: readonly Expr[], decisive: boolean): FastPath | undefined {
  const [left, right] = args.map((arg) => compileFastPath(arg));
  if (left === undefined || right === undefined) return undefined;
  return (view) => {
    const one = left(view);
    if (one === decisive) return decisive;
    const other = right(view);
    if (other === decisive) return decisive;
    return one === undefined || other === undefined ? undefined : !decisive;
  };
}

function compileNot(arg: Expr | undefined): FastPath | undefined {
  const inner = arg === undefined ? undefined : compileFastPath(arg);
  if (inner === undefined) return undefined;
  return (view) => {
    const value = inner(view);
    return value === undefined ? undefined : !value;
  };
}

/** As in the engine, a member that is null counts as absent. */
function compileHas(operand: Expr | undefined, field: string): FastPath | undefined {
  const read = compileRead(operand);
  if (read === undefined) return undefined;
  return (view) => {
    const value = read(view);
    if (value === undefined) return undefined;
    return value instanceof Map && (value.get(field) ?? null) !== null;
  };
}

function compileEquality(call: Call, negated: boolean): FastPath | undefined {
  const read = compileRead(call.args[0]);
  const literal = literalOf(call.args[1]);
  if (read === undefined || literal === undefined) return undefined;
  return (view) => {
    const value = read(view);
    return value === undefined ? undefined : equal(value, literal) !== negated;
  };
}

function compileIn(call: Call): FastPath | undefined {
  const read = compileRead(call.args[0]);
  const list = call.args[1]?.exprKind;
  if (read === undefined || list?.case !== 'listExpr') return undefined;
  const literals = list.value.elements.map((element) => literalOf(element));
  if (!literals.every((literal) => literal !== undefined)) return undefined;
  return (view) => {
    const value = read(view);
    return value === undefined ? undefined : literals.some((literal) => equal(value, literal));
  };
}

function compileOrdering(call: Call, ordering: Ordering): FastPath | undefined {
  const read = compileRead(call.args[0]);
  const literal = literalOf(call.args[1]);
  if (read === undefined || literal === undefined || literal === null || typeof literal === 'boolean') return undefined;
  return (view) => {
    const value = read(view);
    return value === undefined ? undefined : order(value, literal, ordering);
  };
}

function compileAffix(call: Call, name: 'startsWith' | 'endsWith'): FastPath | undefined {
  const read = compileRead(call.target);
  const literal = literalOf(call.args[0]);
  if (read === undefined || typeof literal !== 'string') return undefined;
  return (view) => {
    const value = read(view);
    return typeof value === 'string' ? value[name](literal) : undefined;
  };
}

/** Numbers are equal across types by value, everything else within its type. Literals are never lists or maps. */
function equal(value: JsonValue, literal: Literal): boolean {
  // oxlint-disable-next-line eqeqeq -- the loose form is what compares a bigint with a double by value
  return isNumeric(value) && isNumeric(literal) ? value == literal : value === literal;
}

const isNumeric = (value: JsonValue): value is bigint | number =>
  typeof value === 'bigint' || typeof value === 'number';

function order(value: JsonValue, literal: bigint | number | string, ordering: Ordering): boolean | undefined {
  if (typeof value === 'string') return typeof literal === 'string' ? compare(value, literal, ordering) : undefined;
  if (!isNumeric(value) || typeof literal === 'string') return undefined;
  if (typeof value === typeof literal) return compare(value, literal, ordering);
  return compare(Number(value), Number(literal), ordering);
}

function compare<T extends bigint | number | string>(left: T, right: T, ordering: Ordering): boolean {
  switch (ordering) {
    case '_<_':
      return left < right;
    case '_<=_':
      return left <= right;
    case '_>_':
      return left > right;
    case '_>=_':
      return left >= right;
  }
}

function compileRead(expr: Expr | undefined): Read | undefined {
  if (expr === undefined) return undefined;
  const kind = expr.exprKind;
  if (kind.case === 'identExpr') return compileRoot(kind.value.name);
  if (kind.case !== 'selectExpr' || kind.value.testOnly) return undefined;
  const { field } = kind.value;
  const operand = compileRead(kind.value.operand);
  if (operand === undefined) return undefined;
  return (view) => {
    const value = operand(view);
    return value instanceof Map ? value.get(field) : undefined;
  };
}

function compileRoot(name: string): Read | undefined {
  if (name === 'data') {
    return (view) => {
      const reading = view.reading();
      return reading.kind === 'json' ? reading.value : undefined;
    };
  }
  const attribute = textAttributes.find((known) => known === name);
  return attribute === undefined ? undefined : (view) => view.event[attribute] ?? null;
}

function literalOf(expr: Expr | undefined): Literal | undefined {
  if (expr?.exprKind.case !== 'constExpr') return undefined;
  const { constantKind } = expr.exprKind.value;
  if (constantKind.case === 'nullValue') return null;
  const { value } = constantKind;
  return typeof value === 'object' || constantKind.case === 'uint64Value' ? undefined : value;
}
