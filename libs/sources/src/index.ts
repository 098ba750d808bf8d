export {
  type Accepted,
  type FollowUp,
  type Handshake,
  type RawRequest,
  type ReceivedItem,
  type Reception,
  type Refusal,
  type Refused,
  type SourceConfig,
  type SourceResponse,
} from './reception.js';
export { receive, verify } from './receive.js';
export { sign, type UnsignedRequest } from './sign.js';
export { validateSource, type SourceProblem } from './validate-source.js';
export { toSourceEvent, topicFor, type SourceEvent } from './source-event.js';
export { senders, type SchemeInfo, type SenderInfo } from './describe-senders.js';
export { decryptResourceData } from './senders/msgraph.js';
export {
  discoverWebSub,
  webSubForm,
  webSubRenewalAt,
  type WebSubDiscovery,
  type WebSubRequest,
} from './websub-subscriber.js';
