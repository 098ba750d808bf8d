import { field, time } from '../extract.js';
import { basicAuth, codeQuery, headerToken } from '../schemes.js';
import { type Sender } from '../sender.js';

export const azureDevops: Sender = {
  name: 'azure-devops',
  title: 'Azure DevOps service hooks',
  documentation: 'https://learn.microsoft.com/azure/devops/service-hooks/services/webhooks',
  schemes: { 'basic-auth': basicAuth, 'header-token': headerToken('authorization'), 'code-query': codeQuery },
  event: {
    type: field('eventType'),
    id: field('id'),
    time: time(field('createdDate'), 'iso'),
    subject: field('resourceContainers/project/id'),
  },
  retries: 'a subscription that fails is put on probation, then disabled',
};
