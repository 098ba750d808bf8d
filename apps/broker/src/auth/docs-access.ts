import { Injectable } from '@nestjs/common';
import type { Request, RequestHandler } from 'express';
import { Problem } from '../http/problem.js';
import { Admission } from './admission.js';
import { setCaller } from './callers.js';

/** Shows the documentation of the API to whoever may use it: any key will do, and so does the session of the page. */
@Injectable()
export class DocsAccess {
  constructor(private readonly admission: Admission) {}

  /** Its routes are no handlers of Nest's, so no guard sees their requests. */
  readonly handle: RequestHandler = async (request, response, next) => {
    // A browser that is logged out must not show it from its cache.
    response.setHeader('cache-control', 'private, no-cache');
    try {
      setCaller(request, await this.admission.admitReader({ request, response }));
    } catch (error) {
      if (!isStranger(error) || !isOpenedByBrowser(request)) throw error;
      response.redirect(303, wayToLogin(request));
      return;
    }
    next();
  };
}

const isStranger = (error: unknown): boolean => error instanceof Problem && error.code === 'unauthenticated';

const isOpenedByBrowser = ({ method, headers }: Request): boolean =>
  method === 'GET' && headers.authorization === undefined && headers.accept?.includes('text/html') === true;

/** The page at `/`. Relative, since a proxy may serve the broker beneath a path of its own. */
function wayToLogin({ originalUrl }: Request): string {
  const [path = ''] = originalUrl.split('?');
  return '../'.repeat(path.split('/').length - 2) || './';
}
