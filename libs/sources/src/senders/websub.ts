import { constant } from '../extract.js';
import { echo, handshake, plainText } from '../handshakes.js';
import { type Inbound } from '../inbound.js';
import { refused, type FollowUp, type Handshake, type Refused, type SourceConfig } from '../reception.js';
import { type SignatureForm, type SignatureScheme } from '../scheme.js';
import { type Sender } from '../sender.js';

const form = (hash: 'sha1' | 'sha256' | 'sha384' | 'sha512'): SignatureForm => ({
  prefix: `${hash}=`,
  encoding: 'hex',
  algorithm: `hmac-${hash}`,
  key: 'text',
});

const distribution = (...forms: readonly SignatureForm[]): SignatureScheme => ({
  kind: 'signature',
  header: 'x-hub-signature',
  forms,
  signed: ['body'],
});

/** Content distribution of a WebSub hub (W3C Recommendation), where we are the subscriber. */
export const websub: Sender = {
  name: 'websub',
  title: 'WebSub hubs',
  documentation: 'https://www.w3.org/TR/websub/#authenticated-content-distribution',
  schemes: {
    websub: distribution(form('sha256'), form('sha384'), form('sha512')),
    'websub-sha1': distribution(form('sha1')),
  },
  params: {
    topic: { describes: 'the topic URL; intents for others are answered 404', required: true },
    pending: {
      describes: '`subscribe` or `unsubscribe` while a request of ours waits for the hub; set by the broker',
      check: (value) => (['subscribe', 'unsubscribe'].includes(value) ? undefined : 'must be subscribe or unsubscribe'),
    },
  },
  unsigned: [
    {
      methods: ['GET'],
      describes: '`GET ?hub.mode=…&hub.topic=…&hub.challenge=…` for our topic → 200 with the challenge, else 404',
      answer: verifyIntent,
    },
  ],
  event: { type: constant('update') },
  retries: 'as the hub decides',
};

function verifyIntent(request: Inbound, source: SourceConfig): Handshake | Refused {
  const mode = request.queryText('hub.mode') ?? '';
  const topic = source.params?.['topic'];
  if (topic === undefined || request.queryText('hub.topic') !== topic) return refused('topic');
  if (mode === 'denied') return denied(request);
  if (!isExpected(mode, source.params?.['pending'])) return refused('topic');
  const answer = echo(request.queryText('hub.challenge'));
  return answer.kind === 'refused' ? answer : { ...answer, followUp: lease(mode, request) };
}

/** Hubs renew on their own: a renewal of a subscription in force needs no pending request, an end of it does. */
function isExpected(mode: string, pending: string | undefined): mode is 'subscribe' | 'unsubscribe' {
  if (mode === 'unsubscribe') return pending === 'unsubscribe';
  return mode === 'subscribe' && pending !== 'unsubscribe';
}

function lease(mode: 'subscribe' | 'unsubscribe', request: Inbound): FollowUp {
  const seconds = request.queryText('hub.lease_seconds') ?? '';
  return { kind: 'lease', mode, ...(/^\d{1,10}$/.test(seconds) && { leaseSeconds: Number(seconds) }) };
}

function denied(request: Inbound): Handshake {
  const reason = request.queryText('hub.reason') ?? 'denied';
  return { ...handshake(plainText('')), followUp: { kind: 'revoked', reason } };
}
