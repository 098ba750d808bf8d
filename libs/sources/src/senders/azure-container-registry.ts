import { field, fieldText, time } from '../extract.js';
import { ping } from '../handshakes.js';
import { codeQuery, headerToken } from '../schemes.js';
import { type Sender } from '../sender.js';

export const azureContainerRegistry: Sender = {
  name: 'azure-container-registry',
  title: 'Azure Container Registry',
  documentation: 'https://learn.microsoft.com/azure/container-registry/container-registry-webhook',
  schemes: { 'code-query': codeQuery, 'header-token': headerToken('authorization') },
  verified: [
    ping('action `ping` → 200, nothing published', (request) => fieldText(request.document, 'action') === 'ping'),
  ],
  event: {
    type: field('action'),
    id: field('id'),
    time: time(field('timestamp'), 'iso'),
    subject: field('target/repository'),
  },
  retries: 'not documented',
};
