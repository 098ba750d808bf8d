export {
  formatAttempts,
  formatPositions,
  maxListBytes,
  parseAttempts,
  parsePositions,
  type LogPlace,
} from './batch-places.js';
export type { BatchDefaults, CloudEvent, EventDefaults, ParseError, ParseResult } from './cloud-event.js';
export { formatBinary, parseBinary } from './binary-event.js';
export { parseBatch, parseStructured } from './structured-event.js';
export {
  formatBatch,
  formatStandardPayload,
  formatStructured,
  formatStructuredJson,
  joinBatch,
} from './format-event.js';
export { busExtensions, deliverAtOf, expiresAtOf, hopCountOf, hopsOf, orderingKeyOf } from './delivery-hints.js';
export { isEventId, uuidv7 } from './event-id.js';
export type { HeaderValues } from './header-value.js';
export { hookHeaders } from './hook-headers.js';
export { isJson, jsonError, maxJsonDepth } from './json-slice.js';
export { contentModeOf, isJsonContentType, isUnknownEventFormat, mediaTypes, type ContentMode } from './media-type.js';
export {
  generateSecret,
  generateSigningKeyPair,
  parseSecret,
  publicKeyOf,
  SecretError,
  type Ed25519SigningKey,
  type HmacKey,
  type SigningKey,
} from './secret.js';
export {
  createVerifier,
  sign,
  verify,
  type SignedParts,
  type SignedRequest,
  type Verification,
  type VerificationKeys,
  type VerifyOptions,
} from './signature.js';
export { isTimestamp, parseTimestamp } from './timestamp.js';
export type { TopicData, TopicName } from './topic-data.js';
export { compilePattern, isTopicName, isTopicPattern } from './topic-pattern.js';
export { parseBatchResults, parseVerdict, verdictHeader, type BatchResult, type Verdict } from './verdict.js';
export { batchWebhookId, escapeWebhookId, unescapeWebhookId } from './webhook-id.js';
