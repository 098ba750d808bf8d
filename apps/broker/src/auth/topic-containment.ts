/**
 * Whether every topic that matches `wanted` matches `pattern` too; both are topic patterns. Where one pattern alone
 * does not suffice the answer is no, even if several together would: `a.*` and `a.*.**` do not add up to `a.**`.
 */
export function covers(pattern: string, wanted: string): boolean {
  const [own, other] = [pattern.split('.'), wanted.split('.')];
  for (const [at, segment] of own.entries()) {
    const theirs = other[at];
    if (theirs === undefined) return false;
    // Stands for one segment or more, and so does whatever is left of the other one.
    if (segment === '**') return true;
    if (theirs === '**' || (segment !== '*' && segment !== theirs)) return false;
  }
  return own.length === other.length;
}

/** The first of the wanted patterns that none of the given ones covers. */
export function firstUncovered(patterns: readonly string[], wanted: readonly string[]): string | undefined {
  return wanted.find((one) => !patterns.some((pattern) => covers(pattern, one)));
}
