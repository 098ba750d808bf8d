import { field, firstOf, header, joined, type Part } from '../extract.js';
import { codeQuery, headerToken } from '../schemes.js';
import { type Sender } from '../sender.js';

const emptyGuid = '00000000-0000-0000-0000-000000000000';

export const dynamicscrm: Sender = {
  name: 'dynamicscrm',
  title: 'Dynamics CRM and Dataverse',
  documentation: 'https://learn.microsoft.com/power-apps/developer/data-platform/use-webhooks',
  schemes: { 'code-query': codeQuery, 'header-token': headerToken('authorization') },
  event: {
    type: firstOf(field('MessageName'), header('x-ms-dynamics-request-name')),
    id: (part) => (field('OperationId')(part) === emptyGuid ? undefined : field('OperationId')(part)),
    composite: joined(':', field('CorrelationId'), field('MessageName'), field('PrimaryEntityId'), field('Stage')),
    time: createdOn,
    subject: field('PrimaryEntityName'),
  },
  answerWithin: 60,
  retries: 'asynchronous steps once, on 502, 503, 504',
};

/** `/Date(1795000000000)/`, milliseconds. */
function createdOn(part: Part): Date | undefined {
  const match = /^\/Date\((\d{1,15})\)\/$/.exec(field('OperationCreatedOn')(part) ?? '');
  return match ? new Date(Number(match[1])) : undefined;
}
