import { meteredNames, type Expr } from './engine.js';

type Call = Extract<Expr['exprKind'], { case: 'callExpr' }>['value'];
type Comprehension = Extract<Expr['exprKind'], { case: 'comprehensionExpr' }>['value'];

/** The nodes directly below a node. */
export function childrenOf(expr: Expr): Expr[] {
  const kind = expr.exprKind;
  switch (kind.case) {
    case 'selectExpr':
      return present([kind.value.operand]);
    case 'callExpr':
      return present([kind.value.target, ...kind.value.args]);
    case 'listExpr':
      return kind.value.elements;
    case 'structExpr':
      return kind.value.entries.flatMap(({ keyKind, value }) =>
        present([keyKind.case === 'mapKey' ? keyKind.value : undefined, value]),
      );
    case 'comprehensionExpr': {
      const { accuInit, iterRange, loopCondition, loopStep, result } = kind.value;
      return present([iterRange, accuInit, loopCondition, loopStep, result]);
    }
    case 'constExpr':
    case 'identExpr':
    case undefined:
      return [];
  }
}

const present = (nodes: (Expr | undefined)[]): Expr[] => nodes.filter((node) => node !== undefined);

/** How many nodes an expression has. */
export function countNodes(expr: Expr): number {
  return childrenOf(expr).reduce((sum, child) => sum + countNodes(child), 1);
}

/**
 * Makes every macro of a parsed expression pay: for its list before the first element, for its body at each
 * element; and every index that is not text. Changes the expression in place; for the rest, calls are charged
 * where they run and the number of nodes bounds the work.
 */
export function limitWork(expr: Expr): void {
  for (const child of childrenOf(expr)) limitWork(child);
  if (expr.exprKind.case === 'comprehensionExpr') limitMacro(expr.id, expr.exprKind.value);
  if (expr.exprKind.case === 'callExpr' && expr.exprKind.value.function === '_[_]')
    limitIndex(expr.id, expr.exprKind.value);
}

/** A key that is text is found at once; a number may be searched for. */
function limitIndex(id: bigint, { args }: Call): void {
  const [operand, key] = args;
  if (operand === undefined || key === undefined || isText(key)) return;
  args[0] = call(id, meteredNames.indexed, [operand]);
}

function isText({ exprKind }: Expr): boolean {
  return exprKind.case === 'constExpr' && exprKind.value.constantKind.case === 'stringValue';
}

function limitMacro(id: bigint, macro: Comprehension): void {
  const { iterRange, loopCondition, loopStep } = macro;
  if (iterRange === undefined || loopCondition === undefined || loopStep === undefined) return;
  const nodes = integer(id, BigInt(countNodes(loopCondition) + countNodes(loopStep)));
  if (macro.accuInit?.exprKind.case === 'listExpr') growInPlace(loopStep, macro.accuVar);
  macro.iterRange = call(id, meteredNames.range, [iterRange]);
  macro.loopCondition = call(id, meteredNames.step, [loopCondition, nodes]);
}

/** `map` and `filter` are written as `@result + [x]`, or as a choice between that and `@result`. */
function growInPlace(step: Expr, accumulator: string): void {
  if (step.exprKind.case !== 'callExpr') return;
  const { value } = step.exprKind;
  if (value.function === '_?_:_') {
    const [, grown] = value.args;
    if (grown !== undefined) growInPlace(grown, accumulator);
  } else if (value.function === '_+_' && isIdent(value.args[0], accumulator)) {
    value.function = meteredNames.append;
  }
}

function isIdent(expr: Expr | undefined, name: string): boolean {
  return expr?.exprKind.case === 'identExpr' && expr.exprKind.value.name === name;
}

function call(id: bigint, name: string, args: Expr[]): Expr {
  return {
    $typeName: 'cel.expr.Expr',
    id,
    exprKind: { case: 'callExpr', value: { $typeName: 'cel.expr.Expr.Call', function: name, args } },
  };
}

function integer(id: bigint, value: bigint): Expr {
  const constantKind = { case: 'int64Value', value } as const;
  return {
    $typeName: 'cel.expr.Expr',
    id,
    exprKind: { case: 'constExpr', value: { $typeName: 'cel.expr.Constant', constantKind } },
  };
}
