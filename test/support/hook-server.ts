import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export interface ReceivedRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
  at: Date;
}

export interface ScriptedAnswer {
  status?: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Wait before answering. */
  delayMs?: number;
  /** Never answer; the connection stays open until the caller or `close()` ends it. */
  hang?: boolean;
  /** Break the connection (RST) instead of answering. */
  reset?: boolean;
}

export type Answer = number | ScriptedAnswer;

export interface HookServer {
  /** `http://127.0.0.1:<port>` */
  url: string;
  /** Every request received but for handshakes, in order of arrival of its last byte. */
  requests: ReceivedRequest[];
  /** Every `OPTIONS` received. */
  handshakes: ReceivedRequest[];
  /** Queues answers; once the queue is empty the default answers: 204, or what `respondWith` says. */
  answer(...answers: Answer[]): void;
  respondWith(respond: (request: ReceivedRequest) => Answer | Promise<Answer>): void;
  /** What `OPTIONS` gets: 405 as from most endpoints, unless a test says otherwise. */
  respondToHandshakes(respond: (request: ReceivedRequest) => Answer): void;
  close(): Promise<void>;
}

/** A real HTTP server, on a free port unless one is named, that records what it gets and answers as the test says. */
export async function hookServer({ port: wanted = 0 }: { port?: number } = {}): Promise<HookServer> {
  const requests: ReceivedRequest[] = [];
  const handshakes: ReceivedRequest[] = [];
  let greet: (request: ReceivedRequest) => Answer = () => 405;
  const queue: Answer[] = [];
  let respond: (request: ReceivedRequest) => Answer | Promise<Answer> = () => 204;

  const server = http.createServer((incoming, response) => {
    receive(incoming).then(
      async (request) => {
        if (request.method === 'OPTIONS') {
          handshakes.push(request);
          return send(response, greet(request));
        }
        requests.push(request);
        return send(response, queue.shift() ?? (await respond(request)));
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(wanted, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    handshakes,
    respondToHandshakes: (next) => void (greet = next),
    answer: (...answers) => void queue.push(...answers),
    respondWith: (next) => void (respond = next),
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function receive(incoming: http.IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return {
    method: incoming.method ?? '',
    url: incoming.url ?? '',
    headers: incoming.headers,
    body: Buffer.concat(chunks),
    at: new Date(),
  };
}

async function send(response: http.ServerResponse, answer: Answer): Promise<void> {
  const {
    status = 204,
    headers = {},
    body,
    delayMs,
    hang,
    reset,
  } = typeof answer === 'number' ? { status: answer } : answer;
  if (delayMs) await pause(delayMs);
  if (hang) return;
  if (reset) {
    response.socket?.resetAndDestroy();
    return;
  }
  response.writeHead(status, headers).end(body);
}
