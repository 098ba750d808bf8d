import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ExpressAdapter } from '@nestjs/platform-express';
import { Problem, problemBody, problemMediaType } from './problem.js';
import type { ProblemCode } from './problems.js';
import { chooseRequestId } from './request-id.js';

/** Longer than the idle timeout of usual load balancers (60 s), so that they and not we close idle connections. */
const keepAliveMs = 65_000;
const maxHeaderBytes = 16_384;

/** Answers a request by itself, or leaves it to Express by returning false. */
export type Lane = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Express on a server of our own: with time limits, problems for what is not HTTP, and a lane past Express. */
export class BrokerHttpAdapter extends ExpressAdapter {
  private lane: Lane = () => false;
  private isClosing = false;

  constructor(private readonly requestTimeoutMs: number) {
    super();
  }

  useLane(lane: Lane): void {
    this.lane = lane;
  }

  /** From now on every answer asks its client to close the connection. */
  startClosing(): void {
    this.isClosing = true;
  }

  override initHttpServer(): void {
    const express: (request: IncomingMessage, response: ServerResponse) => void = this.getInstance();
    const server: Server = createServer(
      {
        requestTimeout: this.requestTimeoutMs,
        headersTimeout: Math.min(this.requestTimeoutMs, 15_000),
        connectionsCheckingInterval: 1_000,
        keepAliveTimeout: keepAliveMs,
        maxHeaderSize: maxHeaderBytes,
        noDelay: true,
      },
      (request, response) => {
        if (this.isClosing) response.setHeader('connection', 'close');
        if (!this.lane(request, response)) express(request, response);
      },
    );
    server.on('clientError', refuseConnection);
    this.httpServer = server;
  }
}

/** What is no HTTP request never reaches a handler: it is answered on the bare socket. */
function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const problem = new Problem(codeOf(error.code));
  const body = JSON.stringify(problemBody(problem, chooseRequestId(undefined)));
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    `content-type: ${problemMediaType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function codeOf(code: string | undefined): ProblemCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers-too-large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request-timeout' : 'request-malformed';
}
