import type { RequestHandler } from 'express';
import helmet from 'helmet';
import { enterRequest } from '../auth/namespace.js';
import { chooseRequestId, requestIdHeader } from './request-id.js';

/**
 * No scripts but our own files, no framing, no sniffing. Strict-Transport-Security is left to whoever terminates TLS:
 * over plain HTTP it means nothing, and upgrading requests would break the page on a LAN host.
 */
export const securityHeaders: RequestHandler = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      // The API documentation sets styles from its own script.
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
  },
  strictTransportSecurity: false,
  referrerPolicy: { policy: 'no-referrer' },
});

/** What is done for a request is done within it, and for its caller once that is known. */
export const openRequest: RequestHandler = (_, __, next) => {
  enterRequest(next);
};

/** Before anything else: every answer, whatever becomes of the request, names it. */
export const requestId: RequestHandler = (request, response, next) => {
  response.setHeader(requestIdHeader, chooseRequestId(request.headers[requestIdHeader]));
  next();
};
