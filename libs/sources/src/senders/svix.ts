import { field, firstOf, header, time } from '../extract.js';
import { standardWebhooksScheme } from '../schemes.js';
import { type Sender } from '../sender.js';

/** Clerk, Resend, Brex, Supabase and others: Standard Webhooks under the older header names, or under either. */
export const svix: Sender = {
  name: 'svix',
  title: 'Svix (Clerk, Resend and others)',
  documentation: 'https://docs.svix.com/receiving/verifying-payloads/how-manual',
  schemes: { svix: standardWebhooksScheme(['svix-', 'webhook-'], false) },
  event: {
    type: firstOf(field('type'), field('eventType')),
    id: firstOf(header('svix-id'), header('webhook-id')),
    time: time(field('timestamp'), 'iso'),
  },
  answerWithin: 15,
  retries: 'as the sender configured, by default over 3 days',
};
