import { celType, isCelError, parse, plan } from '@bufbuild/cel';
import { meter, tooCostly } from './cost-meter.js';
import { filterEnv, type Expr } from './engine.js';
import type { EventView } from './event-view.js';
import { findFault } from './expression-check.js';
import { compileFastPath } from './fast-path.js';
import { filterLimits } from './filter-limits.js';
import { limitWork } from './limited-expression.js';
import { namesOf, reasonOf, shortened } from './reason.js';

/** Where in the text: line and column count from 1, the offset from 0, in characters. */
export interface TextPosition {
  line: number;
  column: number;
  offset: number;
}

/** What a filter says of an event. An `error` (a missing field, a wrong type, too much work) is no match. */
export type FilterVerdict = { kind: 'match' } | { kind: 'no-match' } | { kind: 'error'; detail: string };

/** A checked, compiled filter. Keeps no state between events. */
export interface Filter {
  readonly text: string;
  matches(view: EventView): FilterVerdict;
}

export type FilterCompilation =
  { kind: 'ok'; filter: Filter } | { kind: 'malformed'; detail: string; position: TextPosition };

export interface CompileOptions {
  /** False leaves everything to the CEL engine; the answers are the same, only slower. Default true. */
  fastPath?: boolean;
}

/**
 * Compiles a CEL expression over an event's attributes and data. Everything that can be wrong with it without an
 * event is found here: syntax, names, functions, patterns, size. Semantics: cel-spec's language definition, with
 * sums of integers and doubles added.
 */
export function compileFilter(text: string, options: CompileOptions = {}): FilterCompilation {
  if (text.length > filterLimits.text) {
    return malformed(text, filterLimits.text, `a filter has ${filterLimits.text} characters at most`);
  }
  const parsed = parseExpression(text);
  if (parsed.kind === 'malformed') return parsed;
  const { expr, offsets } = parsed;
  const fault = findFault(expr);
  if (fault !== undefined) return malformed(text, offsets[fault.id.toString()] ?? 0, fault.detail);
  return { kind: 'ok', filter: buildFilter(text, expr, options) };
}

type Parsed = { kind: 'parsed'; expr: Expr; offsets: Record<string, number> };

function parseExpression(text: string): Parsed | Extract<FilterCompilation, { kind: 'malformed' }> {
  try {
    const { expr, sourceInfo } = parse(text);
    return { kind: 'parsed', expr, offsets: sourceInfo?.positions ?? {} };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error instanceof RangeError) return malformed(text, 0, 'the filter is nested too deeply');
    return malformed(text, offsetOf(error), parseDetail(error));
  }
}

/** The parser's errors are not exported, only documented by their shape. */
function offsetOf(error: Error): number {
  const location: unknown = Reflect.get(error, 'location');
  const start: unknown = typeof location === 'object' && location !== null ? Reflect.get(location, 'start') : undefined;
  const offset: unknown = typeof start === 'object' && start !== null ? Reflect.get(start, 'offset') : undefined;
  return typeof offset === 'number' ? offset : 0;
}

function parseDetail(error: Error): string {
  const found = /(?:^|: )(found (?:.|end of input)) but expecting/su.exec(error.message);
  const detail =
    found?.[1] === undefined ? error.message.replace(/^<input>:\d+:\d+: /, '') : `${found[1]}, which fits nothing here`;
  return shortened(`syntax error: ${detail}`);
}

function malformed(text: string, offset: number, detail: string): Extract<FilterCompilation, { kind: 'malformed' }> {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  const column = (lines.at(-1)?.length ?? 0) + 1;
  return { kind: 'malformed', detail, position: { line: lines.length, column, offset } };
}

const match: FilterVerdict = Object.freeze({ kind: 'match' });
const noMatch: FilterVerdict = Object.freeze({ kind: 'no-match' });

function buildFilter(text: string, expr: Expr, { fastPath = true }: CompileOptions): Filter {
  const fast = fastPath ? compileFastPath(expr) : undefined;
  const evaluate = engineFilter(expr);
  if (fast === undefined) return { text, matches: evaluate };
  return {
    text,
    matches: (view) => {
      const answer = fast(view);
      if (answer === undefined) return evaluate(view);
      return answer ? match : noMatch;
    },
  };
}

type Plan = ReturnType<typeof plan>;

/** Planned at the first event that the fast path leaves over. */
function engineFilter(expr: Expr): Filter['matches'] {
  const names = namesOf(expr);
  limitWork(expr);
  let planned: Plan | undefined;
  return (view) => {
    planned ??= plan(filterEnv, expr);
    const result = evaluateWithin(planned, view);
    // Asked first: an expression can swallow the meter's error (`… || true`).
    if (meter.exhausted) return { kind: 'error', detail: tooCostly };
    if (typeof result === 'boolean') return result ? match : noMatch;
    if (isCelError(result)) return { kind: 'error', detail: reasonOf(result, names, view) };
    return { kind: 'error', detail: `the filter gives ${celType(result).name}, not true or false` };
  };
}

/** A missing field is an everyday answer here, not a fault to trace: an Error without a stack costs a tenth. */
function evaluateWithin(planned: Plan, view: EventView): ReturnType<Plan> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  meter.reset();
  try {
    return planned(view.bindings());
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
