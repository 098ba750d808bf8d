/** What a filter may be, and what one evaluation of it may cost. */
export const filterLimits = {
  /** Characters of the expression. */
  text: 4096,
  /** Nodes of the parsed expression, macros written out. */
  nodes: 500,
  /** Levels of the parsed expression. */
  depth: 48,
  /** Macros (`all`, `exists`, `map` …) inside one another. */
  macroDepth: 2,
  /** Characters of a regular expression. */
  pattern: 256,
  /** Instructions of a regular expression, its counted repetitions written out. */
  patternSize: 250,
  /** Cost units of one evaluation; a unit is about one node, 0.1 to 0.3 µs. */
  cost: 20_000,
  /** Levels of JSON data that a filter looks into. */
  dataDepth: 128,
  /** Digits up to which an integer in JSON stays exact; a longer one is read as a double. */
  integerDigits: 40,
  /** Characters of a reason. */
  detail: 300,
} as const;
