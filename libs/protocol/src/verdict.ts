/** What a hook may say about an event: settled, try again later, forget it, or keep it as a dead letter. */
export type Verdict = 'ok' | 'retry' | 'drop' | 'dead-letter';

/** The response header that overrides the status code. */
export const verdictHeader = 'hookcast-verdict';

const verdicts: readonly Verdict[] = ['ok', 'retry', 'drop', 'dead-letter'];

/** The verdict a header value names (case and surrounding space do not matter); undefined when it names none. */
export function parseVerdict(value: string | undefined): Verdict | undefined {
  const word = value?.trim().toLowerCase();
  return verdicts.find((verdict) => verdict === word);
}

/** The verdict on one event of a batch. */
export interface BatchResult {
  id: string;
  verdict: Verdict;
}

/**
 * Reads a batch answer, `{"results":[{"id":"…","verdict":"ok|retry|drop|dead-letter"}]}`. Undefined when the body is
 * anything else, which leaves the status code to speak for every event. An entry that names an event but no verdict we
 * know counts as `retry`: of all readings it is the one that loses nothing.
 */
export function parseBatchResults(body: Buffer): BatchResult[] | undefined {
  const results = member(parseJson(body), 'results');
  if (!Array.isArray(results)) return undefined;
  return results.flatMap((entry: unknown) => {
    const id = member(entry, 'id');
    const verdict = member(entry, 'verdict');
    if (typeof id !== 'string') return [];
    return [{ id, verdict: (typeof verdict === 'string' ? parseVerdict(verdict) : undefined) ?? 'retry' }];
  });
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
