import {
  celEnv,
  celError,
  celFunc,
  celList,
  CelScalar,
  isCelList,
  isCelMap,
  type CelEnv,
  type CelList,
  type CelValue,
  type parse,
} from '@bufbuild/cel';
import { callCost, keyCost } from './call-cost.js';
import { meter, tooCostly } from './cost-meter.js';
import { equals } from './metered-equality.js';

/** A node of a parsed expression. */
export type Expr = ReturnType<typeof parse>['expr'];
export type FunctionGroup = NonNullable<ReturnType<CelEnv['funcs']['find']>>;
type Call = FunctionGroup['call'];

/** The functions that `limitedExpression` writes into macros. No text can name them. */
export const meteredNames = { range: '@range', step: '@step', append: '@append', indexed: '@indexed' } as const;

const { BOOL, DOUBLE, INT } = CelScalar;

/**
 * JSON does not tell 99 from 99.0, so sums of an integer and a double are defined here, unlike in plain CEL: a filter
 * must not fail on one event in ten because a total happens to have cents.
 */
const mixedArithmetic = (
  [
    ['_+_', (l: number, r: number) => l + r],
    ['_-_', (l: number, r: number) => l - r],
    ['_*_', (l: number, r: number) => l * r],
    ['_/_', (l: number, r: number) => l / r],
  ] as const
).flatMap(([name, compute]) => [
  celFunc(name, [INT, DOUBLE], DOUBLE, (l, r) => compute(Number(l), r)),
  celFunc(name, [DOUBLE, INT], DOUBLE, (l, r) => compute(l, Number(r))),
]);

const standard = celEnv({ funcs: mixedArithmetic });

/** The functions of CEL as they are, for checks. */
export const findFunction = (name: string): FunctionGroup | undefined => standard.funcs.find(name);

/** The CEL environment of filters: every call is charged to the meter before it runs. */
export const filterEnv: CelEnv = meteredEnv(standard);

function meteredEnv(env: CelEnv): CelEnv {
  const groups = new Map<string, FunctionGroup>();
  const find = (name: string): FunctionGroup | undefined => {
    const known = groups.get(name);
    if (known !== undefined) return known;
    const group = meteredGroup(env, name);
    if (group !== undefined) groups.set(name, group);
    return group;
  };
  const funcs: CelEnv['funcs'] = Object.create(env.funcs, { find: { value: find } });
  const metered: CelEnv = Object.create(env, { funcs: { value: funcs } });
  return metered;
}

function meteredGroup(env: CelEnv, name: string): FunctionGroup | undefined {
  const own = ownCalls.get(name);
  if (own !== undefined) return groupOf(name, own);
  const group = env.funcs.find(name);
  if (group === undefined) return undefined;
  return groupOf(name, replacementOf(name, group.call.bind(group)));
}

function groupOf(name: string, call: Call): FunctionGroup {
  const group: FunctionGroup = Object.create(emptyGroup, { name: { value: name }, call: { value: call } });
  return group;
}

/** Only what makes the planner take an object for a group; `call` and `name` are put over it. */
const emptyGroup: object = {
  *[Symbol.iterator]() {
    // no overloads of its own
  },
};

function replacementOf(name: string, call: Call): Call {
  switch (name) {
    case '_==_':
      return equalityCall(false);
    case '_!=_':
      return equalityCall(true);
    case '_in_':
    case '@in':
      return inCall(call);
    case '_+_':
      return sumCall(call);
    default:
      return (id, target, args) =>
        meter.charge(callCost(name, target, args)) ? call(id, target, args) : celError(tooCostly, id);
  }
}

const ownCalls = new Map<string, Call>([
  [
    meteredNames.range,
    (id, _target, [range]) => {
      const size = isCelList(range) || isCelMap(range) ? range.size : 1;
      return meter.charge(size) ? range : celError(tooCostly, id);
    },
  ],
  [
    meteredNames.step,
    (id, _target, [condition, nodes]) => (meter.charge(Number(nodes)) ? condition : celError(tooCostly, id)),
  ],
  [meteredNames.indexed, (id, _target, [map]) => (meter.charge(keyCost(map)) ? map : celError(tooCostly, id))],
  [meteredNames.append, (id, _target, [list, more]) => appendCall(id, list, more)],
]);

/** Lists that a macro is building, with the array behind each. */
const growing = new WeakMap<CelList, CelValue[]>();

/** The engine would chain n one-element lists, which reads in n² steps; a macro's list is nobody else's yet, so it grows in place. */
function appendCall(id: number, list: CelValue | undefined, more: CelValue | undefined): ReturnType<Call> {
  if (!isCelList(list) || !isCelList(more)) return undefined;
  const array = growing.get(list);
  if (array !== undefined) {
    array.push(...more);
    return list;
  }
  return grown([...list, ...more], id);
}

function grown(values: CelValue[], id: number): ReturnType<Call> {
  if (!meter.charge(values.length)) return celError(tooCostly, id);
  const list = celList(values);
  growing.set(list, values);
  return list;
}

function sumCall(call: Call): Call {
  return (id, target, args) => {
    const [left, right] = args;
    if (isCelList(left) && isCelList(right)) {
      if (!meter.charge(left.size + right.size)) return celError(tooCostly, id);
      return celList([...left, ...right]);
    }
    return meter.charge(callCost('_+_', target, args)) ? call(id, target, args) : celError(tooCostly, id);
  };
}

function equalityCall(negated: boolean): Call {
  return (id, _target, [left, right]) => {
    if (left === undefined || right === undefined) return undefined;
    const equal = equals(left, right);
    return meter.exhausted ? celError(tooCostly, id) : equal !== negated;
  };
}

function inCall(call: Call): Call {
  return (id, target, args) => {
    const [value, list] = args;
    if (value === undefined || !isCelList(list)) {
      return meter.charge(typeof value === 'string' ? 1 : keyCost(list))
        ? call(id, target, args)
        : celError(tooCostly, id);
    }
    let found = false;
    for (const item of list) {
      found = equals(item, value);
      if (found || meter.exhausted) break;
    }
    return meter.exhausted ? celError(tooCostly, id) : found;
  };
}

/** Whether a call can answer true or false. */
export function canBeBoolean(group: FunctionGroup): boolean {
  return [...group].some(({ result }) => result === BOOL || result === CelScalar.DYN);
}
