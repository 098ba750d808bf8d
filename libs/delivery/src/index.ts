export { type AttemptCounts } from './attempt-report.js';
export { systemClock, type Clock } from './clock.js';
export { listDeadLetterGroups, type DeadLetterGroup } from './dead-letter-group-store.js';
export { findDeadLetter, listDeadLetters, type DeadLetter, type DeadLetterQuery } from './dead-letter-store.js';
export { deliveryFigures, type DeliveryFigures } from './delivery-figures-store.js';
export {
  DeliveryHistory,
  type AttemptRecord,
  type DeliverySummary,
  type ListedState,
  type ListPlace,
} from './delivery-history-store.js';
export { DeliveryJanitor } from './delivery-janitor.js';
export { type DeliveryLog } from './delivery-log.js';
export { type DeliveryStores } from './delivery-stores.js';
export { type DeliveryState } from './delivery-state.js';
export { type Catalog, type DeliverySubscription, type SubscriptionCatalog } from './delivery-subscription.js';
export { DeliveryWorker } from './delivery-worker.js';
export { type DeliveryWorkerOptions } from './delivery-worker-options.js';
export { DeliveryModule, type DeliveryModuleAsyncOptions, type DeliveryModuleOptions } from './delivery.module.js';
export { failingDeliveries, type FailingDelivery } from './failing-line-store.js';
export { eventView } from './event-view.js';
export { isCustomHeader, isReservedHeader, type HookCredentials, type HookTarget } from './hook-request.js';
export { LineHeads } from './line-heads.js';
export { lineName, type Ordering } from './order-gate.js';
export { requestRedelivery, type RedeliveryResult } from './redelivery-store.js';
export { sendTest, testEventType, type TestResult } from './send-test.js';
export {
  countDeadLetters,
  deadLettersAt,
  deadLettersOfEvents,
  nextDeadLetters,
  youngestDeadLetter,
} from './operations/dead-letter-choice-store.js';
export {
  isOperationId,
  type DeadLetterChoice,
  type DeadLetterKey,
  type Operation,
  type OperationKind,
  type OperationRequest,
  type OperationStatus,
  type ReplayRange,
} from './operations/operation.js';
export { OperationRunner } from './operations/operation-runner.js';
export { cancelOperation, createOperation, findOperation, listOperations } from './operations/operation-store.js';
export { seekCursors, type SeekCounts, type SeekTarget } from './seek-store.js';
export { replayableStreams, type ReplayableStream } from './operations/replay-range-store.js';
