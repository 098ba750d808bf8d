import type { ServerResponse } from 'node:http';
import { problemBody, problemMediaType, type Problem } from './problem.js';
import { requestIdOf } from './request-id.js';

/** Answers with a problem. When an answer has begun already there is nothing to say it with: the connection is cut. */
export function sendProblem(response: ServerResponse, problem: Problem): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = Buffer.from(JSON.stringify(problemBody(problem, requestIdOf(response))));
  response.writeHead(problem.status, {
    'content-type': problemMediaType,
    'content-length': body.length,
    'cache-control': 'no-store',
    ...problem.headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
