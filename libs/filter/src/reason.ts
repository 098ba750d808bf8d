import type { CelError } from '@bufbuild/cel';
import type { Expr } from './engine.js';
import type { EventView } from './event-view.js';
import { filterLimits } from './filter-limits.js';
import { childrenOf } from './limited-expression.js';

/** Names and paths of an expression by node: `data.total`, `subject`. */
export type Names = ReadonlyMap<string, string>;

export function namesOf(expr: Expr, names = new Map<string, string>()): Map<string, string> {
  for (const child of childrenOf(expr)) namesOf(child, names);
  const name = nameOf(expr, names);
  if (name !== undefined) names.set(expr.id.toString(), name);
  return names;
}

function nameOf({ exprKind }: Expr, names: Names): string | undefined {
  if (exprKind.case === 'identExpr') return exprKind.value.name;
  if (exprKind.case !== 'selectExpr' || exprKind.value.operand === undefined) return undefined;
  const operand = names.get(exprKind.value.operand.id.toString());
  return operand === undefined ? undefined : `${operand}.${exprKind.value.field}`;
}

/** An evaluation error in words that go after "no match because". */
export function reasonOf(error: CelError, names: Names, view: EventView): string {
  const missing = /^field not found: (.*)$/su.exec(error.message)?.[1];
  if (missing !== undefined) return shortened(`${names.get(String(error.exprId)) ?? missing} is missing`);
  const overload = /^found no matching overload for '?(.+?)'? applied to '(.*)'$/su.exec(error.message);
  const detail =
    overload === null ? error.message : `${operatorOf(overload[1])} is not defined for ${overload[2] ?? ''}`;
  return shortened(`${detail}${lackOf(names, view)}`);
}

const operatorOf = (name = ''): string => (name.startsWith('_') ? name.replaceAll('_', '') : name);

/** An attribute that the event lacks is null, and so is often why a function was not defined. */
function lackOf(names: Names, view: EventView): string {
  const lacking = [...new Set(names.values())].filter((name) => view.lacks(name));
  return lacking.length === 0 ? '' : ` (the event has no ${lacking.join(', no ')})`;
}

export function shortened(text: string): string {
  return text.length <= filterLimits.detail ? text : `${text.slice(0, filterLimits.detail - 1)}…`;
}
