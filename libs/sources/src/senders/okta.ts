import { envelope, field, fieldText, fieldValue, time, type Part } from '../extract.js';
import { handshake, json } from '../handshakes.js';
import { refused } from '../reception.js';
import { headerToken } from '../schemes.js';
import { type Sender } from '../sender.js';

export const okta: Sender = {
  name: 'okta',
  title: 'Okta event hooks',
  documentation: 'https://developer.okta.com/docs/concepts/event-hooks/',
  schemes: { 'header-token': headerToken('authorization') },
  unsigned: [
    {
      methods: ['GET'],
      describes: '`GET` with `X-Okta-Verification-Challenge` → 200 `{"verification": "<challenge>"}`',
      answer: (request) => {
        const verification = request.headerText('x-okta-verification-challenge') ?? '';
        return verification === '' || verification.length > 4096
          ? refused('challenge')
          : handshake(json({ verification }));
      },
    },
  ],
  event: {
    type: commonType,
    id: envelope('eventId'),
    time: time(field('eventTime'), 'iso'),
    subject: field('source'),
  },
  answerWithin: 3,
  retries: 'at most 1 on 5xx',
};

/** The type that all events in the hook share; the hook's own type when they differ. */
function commonType(part: Part): string | undefined {
  const events = fieldValue(part.value, 'data/events');
  const types = new Set(Array.isArray(events) ? events.map((event) => fieldText(event, 'eventType')) : []);
  const [type] = types;
  return types.size === 1 && type !== undefined ? type : field('eventType')(part);
}
