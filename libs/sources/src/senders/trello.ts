import { field, time } from '../extract.js';
import { headProbe } from '../handshakes.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

export const trello: Sender = {
  name: 'trello',
  title: 'Trello',
  documentation: 'https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/',
  schemes: {
    trello: hmac({
      header: 'x-trello-webhook',
      encoding: 'base64',
      algorithm: 'hmac-sha1',
      signed: ['body', 'url'],
    }),
  },
  unsigned: [headProbe],
  event: {
    type: field('action/type'),
    id: field('action/id'),
    time: time(field('action/date'), 'iso'),
    subject: field('model/id'),
  },
  retries: '3: after 30, 60, 120 s',
};
