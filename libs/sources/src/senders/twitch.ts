import { field, fieldText, firstOf, header, time } from '../extract.js';
import { echo } from '../handshakes.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

const messageType = header('twitch-eventsub-message-type');

export const twitch: Sender = {
  name: 'twitch',
  title: 'Twitch EventSub',
  documentation: 'https://dev.twitch.tv/docs/eventsub/handling-webhook-events/',
  schemes: {
    twitch: hmac({
      header: 'twitch-eventsub-message-signature',
      prefix: 'sha256=',
      encoding: 'hex',
      signed: [{ header: 'twitch-eventsub-message-id' }, 'timestamp', 'body'],
      timestamp: { from: { header: 'twitch-eventsub-message-timestamp' }, unit: 'iso', toleranceSeconds: 600 },
    }),
  },
  verified: [
    {
      methods: ['POST'],
      describes: '`webhook_callback_verification`, signed → 200 with the challenge as `text/plain`',
      answer: (request) =>
        request.headerText('twitch-eventsub-message-type') === 'webhook_callback_verification'
          ? echo(fieldText(request.document, 'challenge'))
          : undefined,
    },
  ],
  event: {
    type: (part) =>
      messageType(part) === 'revocation'
        ? 'revocation'
        : firstOf(header('twitch-eventsub-subscription-type'), field('subscription/type'))(part),
    id: header('twitch-eventsub-message-id'),
    time: time(header('twitch-eventsub-message-timestamp'), 'iso'),
    subject: field('subscription/id'),
  },
  followUp: (request) =>
    request.headerText('twitch-eventsub-message-type') === 'revocation'
      ? { kind: 'revoked', reason: fieldText(request.document, 'subscription/status') ?? 'unknown' }
      : undefined,
  answerWithin: 3,
  retries: 'some; after too many failures the subscription is revoked',
};
