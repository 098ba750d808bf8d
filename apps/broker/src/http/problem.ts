import { problems, type ProblemCode } from './problems.js';

/** One fault of a request: `pointer` is a JSON pointer into the body, or `/` and the name of a parameter or header. */
export interface FieldError {
  pointer: string;
  detail: string;
}

interface ProblemOptions {
  detail?: string;
  errors?: readonly FieldError[];
  headers?: Readonly<Record<string, string>>;
  cause?: unknown;
}

/** A refusal that the caller is told about. Anything else that is thrown is a bug or an outage. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;
  readonly detail: string | undefined;

  constructor(
    readonly code: ProblemCode,
    options: ProblemOptions = {},
  ) {
    super(options.detail ?? problems[code].title, options.cause === undefined ? {} : { cause: options.cause });
    this.status = problems[code].status;
    this.detail = options.detail;
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
  }
}

export const problemMediaType = 'application/problem+json; charset=utf-8';

/** The RFC 9457 body of a problem. `instance` is the id of the request that met it. */
export function problemBody(problem: Problem, requestId: string): Record<string, unknown> {
  return {
    type: `urn:hookcast:problem:${problem.code}`,
    title: problems[problem.code].title,
    status: problem.status,
    detail: problem.message,
    instance: requestId,
    code: problem.code,
    ...(problem.errors.length > 0 && { errors: problem.errors }),
  };
}
