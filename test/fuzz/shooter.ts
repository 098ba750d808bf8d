import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import type { FuzzRequest } from './requests.js';

/** Longer than this and a request counts as hanging. */
export const patienceMs = 2_000;

export type Outcome =
  { kind: 'answered'; status: number; text: string } | { kind: 'hung' } | { kind: 'broken'; why: string };

const tickMs = 100;

/**
 * Calls `giveUp` once this process has run for as long as the patience lasts. Where the whole machine stood still meanwhile,
 * nobody can tell who would have answered in time.
 */
function whenPatienceEnds(giveUp: () => void): () => void {
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
    if (ticks * tickMs < patienceMs) return;
    clearInterval(timer);
    giveUp();
  }, tickMs);
  return () => clearInterval(timer);
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

export function closeShooter(): void {
  agent.destroy();
}

/** Sends it and reads the answer; a stream of events is left once it has begun. */
export async function shoot(url: string, { method, path, headers, body }: FuzzRequest): Promise<Outcome> {
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const { hostname, port } = new URL(url);
    const sent = request({ hostname, port, agent, method, path, headers: { ...headers, ...length } }, (response) => {
      const status = response.statusCode ?? 0;
      let text = '';
      const done = (): void => finish({ kind: 'answered', status, text: text.slice(0, 500) });
      if (/event-stream/.test(response.headers['content-type'] ?? '')) {
        done();
        sent.destroy();
        return;
      }
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', done).on('error', (error) => finish({ kind: 'broken', why: error.message }));
    });
    const stopWaiting = whenPatienceEnds(() => {
      finish({ kind: 'hung' });
      sent.destroy();
    });
    const finish = (outcome: Outcome): void => {
      stopWaiting();
      resolve(outcome);
    };
    sent.on('error', (error) => finish({ kind: 'broken', why: error.message }));
    sent.end(body);
  });
}

/** Writes the bytes, ends its half of the connection, and gives back all that came until the other half ended. */
export async function shootBytes(url: string, bytes: Buffer): Promise<Outcome> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    let text = '';
    let isHung = false;
    const stopWaiting = whenPatienceEnds(() => {
      isHung = true;
      socket.destroy();
    });
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    // The server may end the connection before it has read everything.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      stopWaiting();
      if (isHung) resolve({ kind: 'hung' });
      else resolve({ kind: 'answered', status: Number(/HTTP\/1\.1 (5\d\d)/.exec(text)?.[1] ?? 400), text });
    });
    socket.end(bytes);
  });
}
