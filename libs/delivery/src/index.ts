export { systemClock, type Clock } from './clock.js';
export { type DeliveryLog } from './delivery-log.js';
export { type Catalog, type DeliverySubscription, type SubscriptionCatalog } from './delivery-subscription.js';
export { DeliveryWorker, type DeliveryWorkerOptions } from './delivery-worker.js';
export { type AttemptCounts } from './attempt-report.js';
