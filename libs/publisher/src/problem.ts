/** A refusal in the broker's words (RFC 9457, `application/problem+json`). */
export interface Problem {
  /** Stable and kebab-case, such as `event-id-conflict`. */
  code: string | undefined;
  title: string | undefined;
  detail: string | undefined;
  /** The id of the request in the broker's log. */
  instance: string | undefined;
  /** What is wrong where; `pointer` is a JSON pointer into the request's body. */
  errors: readonly ProblemError[];
}

export interface ProblemError {
  pointer: string;
  detail: string;
}

/** Reads the body of a refusal; undefined when it is no JSON object, as from a proxy in between. */
export function parseProblem(body: Buffer): Problem | undefined {
  const json = parseJsonObject(body);
  if (json === undefined) return undefined;
  return {
    code: text(json['code']),
    title: text(json['title']),
    detail: text(json['detail']),
    instance: text(json['instance']),
    errors: Array.isArray(json['errors']) ? json['errors'].flatMap(problemError) : [],
  };
}

/** The members of a JSON object; undefined when the text is anything else. */
export function parseJsonObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function problemError(entry: unknown): ProblemError[] {
  if (!isObject(entry) || typeof entry['pointer'] !== 'string') return [];
  return [{ pointer: entry['pointer'], detail: text(entry['detail']) ?? '' }];
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
