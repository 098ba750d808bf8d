import { isCelError } from '@bufbuild/cel';
import { canBeBoolean, findFunction, type Expr } from './engine.js';
import { filterLimits } from './filter-limits.js';
import { childrenOf, countNodes } from './limited-expression.js';
import { patternSize } from './regexp-size.js';

/** A fault of an expression that parses, and the node it is at. */
export interface Fault {
  id: bigint;
  detail: string;
}

type Call = Extract<Expr['exprKind'], { case: 'callExpr' }>['value'];

/** Attributes that are text, or null where an event lacks them. */
export const textAttributes = [
  'id',
  'source',
  'type',
  'subject',
  'time',
  'topic',
  'key',
  'datacontenttype',
  'dataschema',
] as const;

const attributeNames: readonly string[] = [...textAttributes, 'extensions', 'data'];
const typeNames = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'null_type', 'type'];
/** What the planner does itself, and so is no function. */
const operators = new Set(['_[_]', '_?_:_', '_&&_', '_||_', '@not_strictly_false']);

/** What is wrong with a parsed expression, the first fault only; undefined when nothing is. */
export function findFault(expr: Expr): Fault | undefined {
  if (isDeeper(expr, filterLimits.depth))
    return at(expr, `the filter is nested more than ${filterLimits.depth} levels deep`);
  if (countNodes(expr) > filterLimits.nodes) return at(expr, `the filter has more than ${filterLimits.nodes} parts`);
  return faultBelow(expr, new Set(), 0) ?? findNonBoolean(expr);
}

const at = ({ id }: Expr, detail: string): Fault => ({ id, detail });

function isDeeper(expr: Expr, levels: number): boolean {
  return levels === 0 || childrenOf(expr).some((child) => isDeeper(child, levels - 1));
}

function faultBelow(expr: Expr, scope: ReadonlySet<string>, macros: number): Fault | undefined {
  const kind = expr.exprKind;
  if (kind.case === 'comprehensionExpr') return macroFault(expr, kind.value, scope, macros);
  const own = ownFault(expr, scope);
  return own ?? first(childrenOf(expr), (child) => faultBelow(child, scope, macros));
}

function ownFault(expr: Expr, scope: ReadonlySet<string>): Fault | undefined {
  const kind = expr.exprKind;
  if (kind.case === 'identExpr') return nameFault(expr, kind.value.name, scope);
  if (kind.case === 'callExpr') return callFault(expr, kind.value);
  if (kind.case !== 'structExpr' || kind.value.messageName === '') return undefined;
  return at(expr, `unknown type ${kind.value.messageName}`);
}

function macroFault(
  expr: Expr,
  macro: Extract<Expr['exprKind'], { case: 'comprehensionExpr' }>['value'],
  scope: ReadonlySet<string>,
  macros: number,
): Fault | undefined {
  if (macros >= filterLimits.macroDepth) {
    return at(expr, `all, exists, map and filter may be nested ${filterLimits.macroDepth} times at most`);
  }
  const inner = new Set([...scope, macro.iterVar, macro.accuVar]);
  const range = macro.iterRange === undefined ? [] : [macro.iterRange];
  const body = [macro.loopStep, macro.result].filter((node) => node !== undefined);
  return (
    first(range, (node) => faultBelow(node, scope, macros)) ??
    first(body, (node) => faultBelow(node, inner, macros + 1))
  );
}

function nameFault(expr: Expr, name: string, scope: ReadonlySet<string>): Fault | undefined {
  if (scope.has(name) || attributeNames.includes(name) || typeNames.includes(name)) return undefined;
  const extension = /^[a-z0-9]+$/.test(name) ? `; an extension attribute is written extensions.${name}` : '';
  return at(expr, `unknown attribute ${name}${extension}`);
}

function callFault(expr: Expr, call: Call): Fault | undefined {
  const { function: name, target, args } = call;
  if (operators.has(name)) return undefined;
  const group = findFunction(name);
  if (name === 'has') return at(expr, 'has() needs a member, as in has(data.total)');
  if (group === undefined) return at(expr, `unknown function ${name}`);
  const fits = [...group].some(
    (overload) =>
      (overload.target === undefined) === (target === undefined) && overload.arguments.length === args.length,
  );
  if (!fits) return at(expr, `${name} is not called like this`);
  return name === 'matches' ? patternFault(expr, args.at(-1)) : undefined;
}

/** A pattern is part of the filter, so that what it costs is known before any event. */
function patternFault(expr: Expr, pattern: Expr | undefined): Fault | undefined {
  const text = textOf(pattern);
  if (pattern === undefined || text === undefined) return at(expr, 'matches needs its pattern as a literal');
  if (text.length > filterLimits.pattern)
    return at(pattern, `a pattern has ${filterLimits.pattern} characters at most`);
  if (patternSize(text) > filterLimits.patternSize) return at(pattern, 'the pattern repeats too much');
  const tried = findFunction('matches')?.call(0, '', [text]);
  return isCelError(tried) ? at(pattern, tried.message) : undefined;
}

function textOf(expr: Expr | undefined): string | undefined {
  if (expr?.exprKind.case !== 'constExpr') return undefined;
  const { constantKind } = expr.exprKind.value;
  return constantKind.case === 'stringValue' ? constantKind.value : undefined;
}

/** A filter that can never be true or false is a mistake; what depends on the event's data is left to evaluation. */
function findNonBoolean(expr: Expr): Fault | undefined {
  const kind = expr.exprKind;
  if (kind.case === 'callExpr') return nonBooleanCall(expr, kind.value);
  return isNeverBoolean(kind) ? notBoolean(expr) : undefined;
}

function isNeverBoolean(kind: Expr['exprKind']): boolean {
  if (kind.case === 'constExpr') return kind.value.constantKind.case !== 'boolValue';
  if (kind.case === 'identExpr') return attributeNames.includes(kind.value.name) && kind.value.name !== 'data';
  return kind.case === 'listExpr' || kind.case === 'structExpr';
}

function nonBooleanCall(expr: Expr, { function: name, args }: Call): Fault | undefined {
  if (name === '_&&_' || name === '_||_' || name === '!_') return first(args, findNonBoolean);
  if (name === '_?_:_') return first(args.slice(1), findNonBoolean);
  const group = findFunction(name);
  return group === undefined || canBeBoolean(group) ? undefined : notBoolean(expr);
}

const notBoolean = (expr: Expr): Fault => at(expr, 'a filter must be true or false');

function first<T>(items: readonly T[], find: (item: T) => Fault | undefined): Fault | undefined {
  for (const item of items) {
    const fault = find(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
