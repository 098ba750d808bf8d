import { formField } from '../extract.js';
import { codeQuery } from '../schemes.js';
import { type Sender } from '../sender.js';

/** The body holds only the fields its owner ticked: nothing in it is sure to tell two events apart. */
export const wordpress: Sender = {
  name: 'wordpress',
  title: 'WordPress.com',
  documentation: 'https://wordpress.com/support/webhooks/',
  schemes: { 'code-query': codeQuery },
  event: { type: formField('hook'), subject: formField('ID'), hashSeconds: 10 },
  retries: 'not documented',
};
