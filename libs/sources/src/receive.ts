import { Inbound } from './inbound.js';
import { itemsOf } from './items.js';
import {
  refused,
  type FollowUp,
  type Handshake,
  type RawRequest,
  type Reception,
  type Refused,
  type SourceConfig,
} from './reception.js';
import { type Scheme } from './scheme.js';
import { type HandshakeRule, type Sender } from './sender.js';
import { deliveryMethods, styleOf, type Style } from './style.js';
import { verifySignature } from './verify-signature.js';
import { verifyToken } from './verify-token.js';

/** The largest body any sender announces (GitHub, GitLab). */
const maxBodyBytes = 25 * 1024 * 1024;

/**
 * Checks one raw inbound request in its sender's style. Never throws for a bad request.
 *
 * The order is the protection: what carries no signature is answered only where an answer gives nothing away, and
 * nothing is parsed before it is verified, except where the signature lies inside the body.
 *
 * @param now the time of arrival
 */
export function receive(request: RawRequest, source: SourceConfig, now: Date): Reception {
  const style = styleOf(source);
  if (style === undefined) return refused('misconfigured');
  const inbound = new Inbound(request);
  return (
    checkEnvelope(style, inbound) ??
    answerHandshake(style.sender.unsigned, inbound, source, now) ??
    verifyWith(style, inbound, source, now) ??
    answerHandshake(style.sender.verified, inbound, source, now) ??
    takesDelivery(style.sender, inbound) ??
    accept(style.sender, inbound, source, now)
  );
}

/** Checks the signature alone. Undefined when the request is genuine. */
export function verify(request: RawRequest, source: SourceConfig, now: Date): Refused | undefined {
  const style = styleOf(source);
  return style === undefined ? refused('misconfigured') : verifyWith(style, new Inbound(request), source, now);
}

function checkEnvelope(style: Style, request: Inbound): Refused | undefined {
  const methods: readonly string[] = style.methods;
  if (!methods.includes(request.method)) return { ...refused('method'), allow: methods };
  return request.body.length > maxBodyBytes ? refused('too-large') : undefined;
}

function answerHandshake(
  rules: readonly HandshakeRule[] | undefined,
  request: Inbound,
  source: SourceConfig,
  now: Date,
): Handshake | Refused | undefined {
  for (const rule of rules ?? []) {
    const methods: readonly string[] = rule.methods;
    const answer = methods.includes(request.method) ? rule.answer(request, source, now) : undefined;
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function verifyWith(style: Style, request: Inbound, source: SourceConfig, now: Date): Refused | undefined {
  const refusal = verifyScheme(style.scheme, request, source, now);
  return refusal && style.sender.refuseWith ? { ...refusal, status: style.sender.refuseWith } : refusal;
}

function verifyScheme(scheme: Scheme, request: Inbound, source: SourceConfig, now: Date): Refused | undefined {
  switch (scheme.kind) {
    case 'signature':
      return verifySignature(scheme, request, source, now);
    case 'token':
      return verifyToken(scheme, request, source);
    case 'code':
      return scheme.verify(request, source, now);
  }
}

/** A method that only handshakes use, and this was none. */
function takesDelivery(sender: Sender, request: Inbound): Refused | undefined {
  const methods: readonly string[] = deliveryMethods(sender);
  return methods.includes(request.method) ? undefined : refused('challenge');
}

function accept(sender: Sender, request: Inbound, source: SourceConfig, now: Date): Reception {
  const refusal = sender.check?.(request, source);
  if (refusal !== undefined) return refusal;
  const items = itemsOf(sender, request, now);
  if (items === undefined) return refused('malformed-body');
  const response = sender.response?.(request);
  const followUp: FollowUp | undefined = sender.followUp?.(request, source);
  return { kind: 'accepted', items, ...(response && { response }), ...(followUp && { followUp }) };
}
