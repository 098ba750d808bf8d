export {
  createPublisher,
  type BatchEvent,
  type BatchOptions,
  type Publisher,
  type PublishOptions,
} from './publisher.js';
export type { TopicData, TopicName } from '@hookcast/protocol';
export type { Duration, EventOptions } from './outgoing-event.js';
export type { PublishedEvent } from './pending-publish.js';
export type { Problem, ProblemError } from './problem.js';
export { PublishError, type PublishErrorDetails, type PublishErrorReason } from './publish-error.js';
export type { RetryPacing } from './retry-delay.js';
export type { PublisherHooks, RejectedEvent, RequestReport, SpoolReport } from './request-report.js';
export type { Outbox, OutboxEvent } from './outbox-writer.js';
export type { SqlTransaction } from '@hookcast/protocol/sql-transaction';
export type { OutboxOptions, PublisherOptions, SpoolOptions, TraceContext } from './settings.js';
