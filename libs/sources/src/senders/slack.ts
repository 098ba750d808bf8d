import { extended, field, fieldText, firstOf, formField, time } from '../extract.js';
import { echo, empty, handshake } from '../handshakes.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

/** Events (JSON), slash commands (form) and interactivity (JSON in the form field `payload`). */
export const slack: Sender = {
  name: 'slack',
  title: 'Slack (events, commands, interactivity)',
  documentation: 'https://docs.slack.dev/authentication/verifying-requests-from-slack',
  schemes: {
    slack: hmac({
      header: 'x-slack-signature',
      prefix: 'v0=',
      encoding: 'hex',
      signed: [{ text: 'v0:' }, 'timestamp', { text: ':' }, 'body'],
      timestamp: { from: { header: 'x-slack-request-timestamp' }, unit: 's', toleranceSeconds: 300 },
    }),
    'slack-token': { kind: 'token', from: 'body', name: 'token' },
  },
  verified: [
    {
      methods: ['POST'],
      describes: '`url_verification`, signed → 200 with the challenge as `text/plain`',
      answer: (request) => {
        if (fieldText(request.document, 'type') !== 'url_verification') return undefined;
        return echo(fieldText(request.document, 'challenge'));
      },
    },
    {
      methods: ['POST'],
      describes: '`ssl_check=1` → 200',
      answer: (request) =>
        request.isForm && request.formText('ssl_check') === '1' ? handshake(empty(200)) : undefined,
    },
  ],
  event: {
    type: firstOf(extended('.', field('event/type'), field('event/subtype')), formField('command'), field('type')),
    id: firstOf(field('event_id'), field('trigger_id'), formField('trigger_id')),
    time: time(field('event_time'), 's'),
    subject: firstOf(field('team_id'), field('team/id'), formField('team_id')),
  },
  answerWithin: 3,
  retries: '3: at once, after 1 min, after 5 min',
};
