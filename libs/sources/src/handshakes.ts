import { type Inbound } from './inbound.js';
import { refused, type Handshake, type SourceResponse } from './reception.js';
import { type HandshakeRule } from './sender.js';

/** Longer than any challenge seen; what we echo is chosen by whoever calls. */
const maxEcho = 4096;

/** Reflected text: never as something a browser would run. */
export function plainText(body: string): SourceResponse {
  return {
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    body,
  };
}

export function json(value: unknown, status = 200): SourceResponse {
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' },
    body: JSON.stringify(value),
  };
}

export function empty(status: number): SourceResponse {
  return { status, headers: {}, body: '' };
}

export function handshake(response: SourceResponse): Handshake {
  return { kind: 'handshake', response };
}

/** Answers a challenge with itself. */
export function echo(challenge: string | undefined): Handshake | ReturnType<typeof refused> {
  if (challenge === undefined || challenge === '' || challenge.length > maxEcho) return refused('challenge');
  return handshake(plainText(challenge));
}

/** `GET ?name=…` → the decoded value. */
export function echoQuery(name: string): HandshakeRule {
  return {
    methods: ['GET'],
    describes: `\`GET ?${name}=…\` → 200 with the decoded value as \`text/plain\`, \`nosniff\``,
    answer: (request) => echo(request.queryText(name)),
  };
}

/** The sender looks whether somebody is there. */
export const headProbe: HandshakeRule = {
  methods: ['HEAD'],
  describes: '`HEAD` → 200',
  answer: () => handshake(empty(200)),
};

/** A test delivery: answered, never published. */
export function ping(describes: string, is: (request: Inbound) => boolean): HandshakeRule {
  return { methods: ['POST'], describes, answer: (request) => (is(request) ? handshake(empty(200)) : undefined) };
}
