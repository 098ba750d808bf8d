import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Config } from '../config.js';
import { Problem, problemBody, problemMediaType } from './problem.js';
import { OpenConnections } from './open-connections.js';
import type { ProblemCode } from './problems.js';
import { chooseRequestId, requestIdHeader } from './request-id.js';
import { sendProblem } from './send-problem.js';

/** Answers a request by itself, or leaves it to Express by returning false. */
export type Lane = (request: IncomingMessage, response: ServerResponse) => boolean;

/** What clients may take of a process's connections and patience; the settings of the same names. */
export type ConnectionLimits = Pick<
  Config,
  | 'requestTimeoutMs'
  | 'headersTimeoutMs'
  | 'keepAliveMs'
  | 'answerTimeoutMs'
  | 'maxHeaderBytes'
  | 'maxHeaders'
  | 'maxConnections'
  | 'maxAddressConnections'
>;

/** Express on a server of our own: with time limits, problems for what is not HTTP, and a lane past Express. */
export class BrokerHttpAdapter extends ExpressAdapter {
  private lane: Lane = () => false;
  private isClosing = false;
  private readonly connections = new OpenConnections();

  constructor(private readonly limits: ConnectionLimits) {
    super();
  }

  useLane(lane: Lane): void {
    this.lane = lane;
  }

  /** From now on every answer asks its client to close the connection. */
  startClosing(): void {
    this.isClosing = true;
  }

  /** @param now milliseconds since the stop began */
  cutUnfinishedRequests(now: number): number {
    return this.connections.cutUnfinished(now);
  }

  override initHttpServer(): void {
    const { limits } = this;
    const express: (request: IncomingMessage, response: ServerResponse) => void = this.getInstance();
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      this.connections.opened(request, response);
      if (this.isClosing) response.setHeader('connection', 'close');
      const problem = faultOf(request, limits.maxHeaders);
      if (problem) refuse(response, problem);
      else if (!this.lane(request, response)) express(request, response);
    };
    const server: Server = createServer(
      {
        requestTimeout: limits.requestTimeoutMs,
        headersTimeout: Math.min(limits.requestTimeoutMs, limits.headersTimeoutMs),
        connectionsCheckingInterval: 1_000,
        keepAliveTimeout: limits.keepAliveMs,
        maxHeaderSize: limits.maxHeaderBytes,
        noDelay: true,
        // Node would refuse it with an empty answer.
        requireHostHeader: false,
      },
      answer,
    );
    // Nor has it a problem for other expectations than 100-continue; one that nobody knows may be left out of account.
    server.on('checkExpectation', answer);
    // One more than allowed, so that too many can be told from just enough: Node drops the rest silently.
    server.maxHeadersCount = limits.maxHeaders + 1;
    server.maxConnections = limits.maxConnections;
    server.on('connection', (socket: Socket) => this.connections.add(socket));
    if (limits.maxAddressConnections > 0) limitAddresses(server, limits.maxAddressConnections);
    server.on('clientError', refuseConnection);
    // Node has limits for what a client sends, and none for what it does not read. Long polls are silent on our account.
    server.timeout = limits.answerTimeoutMs;
    server.on('timeout', (socket: Socket) => {
      if (!this.connections.isOurTurn(socket)) socket.destroy();
    });
    this.httpServer = server;
  }
}

/** What is wrong with the head of a request before anybody looks at what it asks for. */
function faultOf({ rawHeaders, headers, httpVersion }: IncomingMessage, maxHeaders: number): Problem | undefined {
  if (rawHeaders.length > 2 * maxHeaders) return new Problem('headers-too-large');
  if (headers.host !== undefined || httpVersion !== '1.1') return undefined;
  return new Problem('request-malformed', { detail: 'There is no Host header.' });
}

function refuse(response: ServerResponse, problem: Problem): void {
  response.setHeader(requestIdHeader, chooseRequestId(undefined));
  response.setHeader('connection', 'close');
  sendProblem(response, problem);
}

/** Closes connections of an address that already has its share. */
function limitAddresses(server: Server, maxPerAddress: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    if (count > maxPerAddress) socket.destroy();
  });
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
