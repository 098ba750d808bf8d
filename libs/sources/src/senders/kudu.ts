import { field, joined, time } from '../extract.js';
import { basicAuth, codeQuery } from '../schemes.js';
import { type Sender } from '../sender.js';

export const kudu: Sender = {
  name: 'kudu',
  title: 'Kudu (Azure App Service deployments)',
  documentation: 'https://github.com/projectkudu/kudu/wiki/Web-hooks',
  schemes: { 'code-query': codeQuery, 'basic-auth': basicAuth },
  event: {
    type: field('status'),
    composite: joined(':', field('id'), field('status')),
    time: time(field('endTime'), 'iso'),
    subject: field('siteName'),
  },
  answerWithin: 10,
  retries: 'none; 410 removes the hook',
};
