import http from 'node:http';
import https from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { startTimer } from './timer.js';

/** What became of one request. A broker that cannot be reached is an expected outcome, not an exception. */
export type TransportAnswer =
  { kind: 'answered'; status: number; retryAfter: string | undefined; body: Buffer } | { kind: 'failed'; error: Error };

export interface TransportOptions {
  url: URL;
  apiKey: string;
  /** For one request, from connecting to the last byte of the answer. */
  requestTimeoutMs: number;
  maxRequests: number;
  agent: http.Agent | undefined;
}

export interface PublishRequest {
  topic: string;
  contentType: string;
  body: Buffer;
}

/** A batch of 1,000 is answered with some 130 KB; what sends more than this is no broker. */
const maxAnswerBytes = 8 * 1024 * 1024;

/**
 * Sends publish requests over kept-alive connections. By `node:http` and not by fetch, which takes three to five times
 * the CPU time for the same request on Node 20 (README, "Figures").
 */
export class Transport {
  private readonly agent: http.Agent;
  private readonly requestOptions: http.RequestOptions;
  private readonly send: typeof http.request;
  private readonly basePath: string;
  private readonly inFlight = new Set<http.ClientRequest>();

  constructor(private readonly options: TransportOptions) {
    const { protocol, pathname } = options.url;
    const client = protocol === 'https:' ? https : http;
    this.agent = options.agent ?? new client.Agent({ keepAlive: true, maxSockets: options.maxRequests });
    this.requestOptions = { ...urlToHttpOptions(options.url), method: 'POST', agent: this.agent };
    this.send = client.request;
    this.basePath = pathname.replace(/\/$/, '');
  }

  async publish(request: PublishRequest): Promise<TransportAnswer> {
    const answer = await this.attempt(request);
    // The broker closed a connection that lay idle just as it was used again: that says nothing about the broker.
    return answer.kind === 'failed' && answer.isStaleConnection ? this.attempt(request) : answer;
  }

  /** Ends what is under way and closes the connections, but not an agent that was given: others may use it. */
  close(): void {
    for (const request of this.inFlight) request.destroy(new Error('The publisher is closed'));
    if (this.options.agent === undefined) this.agent.destroy();
  }

  /** What node:http throws at once, such as for an agent of the other protocol, is a failure like any other. */
  private async attempt(message: PublishRequest): Promise<Attempt> {
    try {
      return await this.exchange(this.requestOf(message), message.body);
    } catch (error) {
      return failed(error instanceof Error ? error : new Error(String(error)), false);
    }
  }

  private requestOf({ topic, contentType, body }: PublishRequest): http.ClientRequest {
    return this.send({
      ...this.requestOptions,
      path: `${this.basePath}/v1/topics/${topic}/events`,
      headers: {
        authorization: `Bearer ${this.options.apiKey}`,
        'content-type': contentType,
        'content-length': body.length,
      },
    });
  }

  private async exchange(request: http.ClientRequest, body: Buffer): Promise<Attempt> {
    this.inFlight.add(request);
    return new Promise((resolve) => {
      const { requestTimeoutMs } = this.options;
      const timer = startTimer(() => request.destroy(timeoutError(requestTimeoutMs)), requestTimeoutMs);
      const finish = (attempt: Attempt) => {
        clearTimeout(timer);
        this.inFlight.delete(request);
        resolve(attempt);
      };
      request.once('response', (response) => collect(response, finish));
      request.on('error', (error) => finish(failed(error, request.reusedSocket)));
      request.end(body);
    });
  }
}

type Attempt = TransportAnswer & { isStaleConnection?: boolean };

function collect(response: http.IncomingMessage, finish: (attempt: Attempt) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) response.destroy(new Error(`The answer has more than ${maxAnswerBytes} bytes`));
  });
  response.once('end', () => {
    const { statusCode: status = 0, headers } = response;
    finish({ kind: 'answered', status, retryAfter: headers['retry-after'], body: Buffer.concat(chunks, bytes) });
  });
  response.once('error', (error) => finish(failed(error, false)));
  response.once('close', () => finish(failed(new Error('The answer was cut short'), false)));
}

function failed(error: Error, isReusedSocket: boolean): Attempt {
  const code = 'code' in error ? error.code : undefined;
  return { kind: 'failed', error, isStaleConnection: isReusedSocket && (code === 'ECONNRESET' || code === 'EPIPE') };
}

const timeoutError = (timeoutMs: number): Error => new Error(`No answer within ${timeoutMs} ms`);
