export { type AttemptCounts } from './outcome/attempt-report.js';
export { systemClock, type Clock } from './timing/clock.js';
export { listDeadLetterGroups, type DeadLetterGroup } from './dead-letters/dead-letter-group-store.js';
export {
  findDeadLetter,
  listDeadLetters,
  type DeadLetter,
  type DeadLetterQuery,
} from './dead-letters/dead-letter-store.js';
export { deliveryFigures, type DeliveryFigures } from './history/delivery-figures-store.js';
export { busMinutes, deliveryMinutes, type DeliveryMinute } from './history/delivery-minutes-store.js';
export { readInFlight } from './history/in-flight-store.js';
export {
  DeliveryHistory,
  type AttemptRecord,
  type DeliverySummary,
  type ListPlace,
} from './history/delivery-history-store.js';
export { DeliveryJanitor } from './delivery-janitor.js';
export { type DeliveryLog } from './delivery-log.js';
export { type DeliveryStores } from './delivery-stores.js';
export { type DeliveryState } from './history/delivery-state.js';
export {
  type Catalog,
  type CatalogChanges,
  type DeliverySubscription,
  type SubscriptionCatalog,
} from './delivery-subscription.js';
export { DeliveryWorker } from './delivery-worker.js';
export { type DeliveryWorkerOptions } from './delivery-worker-options.js';
export { DeliveryModule, type DeliveryModuleAsyncOptions, type DeliveryModuleOptions } from './delivery.module.js';
export { failingDeliveries, type FailingDelivery } from './order/failing-line-store.js';
export { eventView } from './reading/event-view.js';
export { customHeaders, isReservedHeader, reservedHeaders } from './sending/custom-headers.js';
export { type HookCredentials, type HookTarget } from './sending/hook-request.js';
export { LineHeads } from './order/line-heads.js';
export { lineName, type Ordering } from './order/order-gate.js';
export { deadAfterMs } from './ownership/live-workers.js';
export { requestRedelivery, type RedeliveryResult } from './retries/redelivery-store.js';
export { sendTest, testEventType, type TestResult } from './sending/send-test.js';
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
export { mostUnderWay } from './operations/pace.js';
export { noteSlowed } from './operations/slowed-operation-store.js';
export { seekCursors, type SeekCounts, type SeekTarget } from './operations/seek-store.js';
export { replayableStreams, type ReplayableStream } from './operations/replay-range-store.js';
