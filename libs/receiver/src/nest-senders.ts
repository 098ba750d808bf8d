export { FromSender } from './nest-from-sender.js';
export { SenderItems } from './nest-sender-items.js';
export type { FromSenderFactory, FromSenderOptions } from './nest-sender-options.js';
export type { FollowUp, ReceivedItem } from '@hookcast/sources';
