import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { customHeaders, type HookCredentials } from '@hookcast/delivery';
import { HookClient, type HookRequest } from '@hookcast/egress';
import { RUNTIME, type Runtime } from '../runtime.js';
import { userAgent } from '../version.js';
import { readEchoAnswer, readOptionsAnswer, type HandshakeOutcome } from './handshake-verdict.js';

/** What is asked: the hook as deliveries reach it. */
export interface AskedHook {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** Events a second; null is any. */
  rateLimit: number | null;
  credentials: HookCredentials | undefined;
}

const noBody = Buffer.alloc(0);

/** Asks hooks whether events may be sent to them, the same way deliveries go. */
@Injectable()
export class HookHandshake {
  constructor(
    @Inject(HookClient) private readonly client: HookClient,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /**
   * `OPTIONS` first. Where consent is required, one that does not know it is asked to send a text back.
   *
   * @param timeoutMs for each of the two
   */
  async ask(hook: AskedHook, timeoutMs: number): Promise<HandshakeOutcome> {
    const origin = originOf(this.runtime.config.publicUrl);
    const headers = {
      'webhook-request-origin': origin,
      'webhook-request-rate': rateOf(hook),
    };
    const answer = await this.client.post(requestOf(hook, { method: 'OPTIONS', url: hook.url, headers, timeoutMs }));
    const outcome = readOptionsAnswer(answer, origin);
    if (outcome.kind !== 'unsupported' || this.runtime.config.handshake !== 'required') return outcome;
    const echoed = await this.askForEcho(hook, timeoutMs);
    return echoed.kind === 'granted' ? echoed : outcome;
  }

  private async askForEcho(hook: AskedHook, timeoutMs: number): Promise<HandshakeOutcome> {
    const text = randomUUID();
    const question = { method: 'GET', url: withEcho(hook.url, text), headers: {}, timeoutMs } as const;
    return readEchoAnswer(await this.client.post(requestOf(hook, question)), text);
  }
}

/** The hook may be behind a gateway that lets nothing else in: the question comes as deliveries will. */
function requestOf(
  { headers: own, credentials }: AskedHook,
  { headers, ...question }: Omit<HookRequest, 'body'>,
): HookRequest {
  const { authorization, ...transport } = credentials ?? {};
  const access = authorization === undefined ? {} : { authorization };
  return {
    ...question,
    ...transport,
    headers: { ...customHeaders(own), ...access, 'user-agent': userAgent, ...headers },
    body: noBody,
  };
}

/** A DNS name that stands for every process of this broker. */
export function originOf(publicUrl: string): string {
  return new URL(publicUrl).hostname;
}

/** Events a minute. */
function rateOf({ rateLimit }: AskedHook): string {
  return rateLimit === null ? '*' : String(Math.max(1, Math.floor(rateLimit * 60)));
}

/** Added to what the URL asks already, which may be how the endpoint knows whose hook it is. */
function withEcho(url: string, text: string): string {
  return `${url}${url.includes('?') ? '&' : '?'}echo=${text}`;
}
