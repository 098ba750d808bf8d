import { field, fieldText, time } from '../extract.js';
import { handshake, json } from '../handshakes.js';
import { type Inbound } from '../inbound.js';
import { type Handshake, type SourceConfig } from '../reception.js';
import { codeQuery, headerToken } from '../schemes.js';
import { type HandshakeRule, type Sender } from '../sender.js';

const validationEvent = 'Microsoft.EventGrid.SubscriptionValidationEvent';

const validation: Omit<HandshakeRule, 'answer'> = {
  methods: ['POST'],
  describes: 'event `SubscriptionValidationEvent` → 200 `{"validationResponse": "<code>"}`',
};

export const azureEventgrid: Sender = {
  name: 'azure-eventgrid',
  title: 'Azure Event Grid (Event Grid schema)',
  documentation: 'https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema',
  schemes: { 'code-query': codeQuery, 'header-token': headerToken('authorization') },
  // Echoing the code needs no secret, so it is answered before one is configured; with one, it has to be right.
  unsigned: [{ ...validation, answer: (request, source) => (hasSecret(source) ? undefined : validate(request)) }],
  verified: [{ ...validation, answer: validate }],
  batch: '',
  event: {
    type: field('eventType'),
    id: field('id'),
    time: time(field('eventTime'), 'iso'),
    subject: field('subject'),
  },
  answerWithin: 30,
  retries: '30 within 24 h; never after 400, 401, 403 or 413',
};

function validate(request: Inbound): Handshake | undefined {
  if (fieldText(request.document, '0/eventType') !== validationEvent) return undefined;
  const code = fieldText(request.document, '0/data/validationCode');
  return code === undefined ? undefined : handshake(json({ validationResponse: code }));
}

function hasSecret(source: SourceConfig): boolean {
  return source.secrets.some((secret) => secret !== '');
}
