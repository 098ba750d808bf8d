import { field, firstOf, joined, time } from '../extract.js';
import { codeQuery } from '../schemes.js';
import { type Sender } from '../sender.js';

const essentials = (name: string) => field(`data/essentials/${name}`);
const rule = (name: string) => firstOf(field(`context/${name}`), field(`data/context/${name}`));
const status = firstOf(field('status'), field('data/status'));

/** Three shapes: the common schema, metric alerts, and the classic one. */
export const azureAlert: Sender = {
  name: 'azure-alert',
  title: 'Azure Monitor alerts',
  documentation: 'https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups',
  schemes: { 'code-query': codeQuery },
  event: {
    type: firstOf(
      joined('.', essentials('alertRule'), essentials('monitorCondition')),
      essentials('monitorCondition'),
      rule('name'),
    ),
    composite: firstOf(
      joined(':', essentials('alertId'), essentials('monitorCondition')),
      joined(':', rule('id'), rule('timestamp'), status),
    ),
    time: time(firstOf(essentials('resolvedDateTime'), essentials('firedDateTime'), rule('timestamp')), 'iso'),
    subject: firstOf(essentials('alertTargetIDs/0'), rule('resourceId')),
  },
  retries: 'up to 5 (5, 20, 5, 40, 5 s), only on 408, 429, 503, 504; then nothing for 15 min',
};
