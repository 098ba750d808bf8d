export type { TopicData, TopicName } from '@hookcast/protocol';
export { createReceiver, type Receiver } from './receiver.js';
export type { HookRequest, ReceiverOptions } from './hook-endpoint.js';
export { DeadLetter, Drop, HandlerVerdict, Retry, RetryAfter } from './handler-verdict.js';
export type { HookAnswer } from './hook-answer.js';
export type { HandshakeOptions } from './handshake.js';
export type { EventHandler, EventHandlerMap, HandlerEntry, TopicHandler } from './event-handlers.js';
export type { DeliveredEvent, EventContext } from './event-context.js';
export { verifyHookRequest, type OpenedRequest } from './open-request.js';
export { HookRequestError, type Refusal, type RefusalReason } from './hook-request-error.js';
export {
  createRegistration,
  type Registration,
  type RegistrationLog,
  type RegistrationOptions,
  type RegistrationRound,
} from './registration.js';
export type { RetryPacing } from './retry-pause.js';
export { planText, type RegistrationPlan } from './registration-plan.js';
export type { BrokerOptions, ServiceDeclaration } from './broker-api.js';
export type { ApiResult } from './broker-request.js';
export {
  createPublicKeys,
  type PublicKeys,
  type PublicKeySource,
  type PublicKeysOptions,
  type PublicKeysRound,
} from './public-keys.js';
export type { SecretSource } from './keyring.js';
export type { SubscriptionDeclaration, SubscriptionSettings } from './subscription-declaration.js';
