export { verifyFrom, type FromSender, type SenderOptions } from './verify-from.js';
export { confirmSubscription } from './sender-downloads.js';
export type { SenderRequest } from './sender-request.js';
export { SenderRequestError, type SenderRefusal } from './sender-request-error.js';
export {
  decryptResourceData,
  senders,
  sign,
  type FollowUp,
  type RawRequest,
  type ReceivedItem,
  type SenderInfo,
  type SourceConfig,
  type SourceResponse,
  type UnsignedRequest,
} from '@hookcast/sources';
