import { type Sender } from '../sender.js';
import { meta } from './meta.js';

export const instagram: Sender = {
  ...meta,
  name: 'instagram',
  title: 'Instagram',
  documentation: 'https://developers.facebook.com/docs/instagram-platform/webhooks',
};
