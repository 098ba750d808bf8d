import { isEventId } from './event-id.js';
import { isTimestamp } from './timestamp.js';

const attributeName = /^[a-z0-9]{1,64}$/;
const plainAscii = /^[\x20-\x7e]*$/;
const unencodable = /[\p{Cc}\p{Surrogate}\p{Noncharacter_Code_Point}]/u;
const uriReference = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;
const uriScheme = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const mediaType = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ ;][\x20-\x7e]*)?$/;

/** Says why an attribute may not have the value, or undefined when it may. */
type Check = (value: string) => string | undefined;

/** The context attributes of CloudEvents 1.0.2; all others are extensions. */
export type ContextName =
  'specversion' | 'id' | 'source' | 'type' | 'subject' | 'time' | 'dataschema' | 'datacontenttype';

export interface AttributeRule {
  /** Absent for an extension. */
  contextName?: ContextName;
  check: Check;
}

/** A String of the CloudEvents type system. */
const text: Check = (value) =>
  plainAscii.test(value) || !unencodable.test(value)
    ? undefined
    : 'must not hold control characters, noncharacters or lone surrogates';

const fullText: Check = (value) => (value === '' ? 'must not be empty' : text(value));
const timestamp: Check = (value) => (isTimestamp(value) ? undefined : 'must be an RFC 3339 timestamp');
const eventId: Check = (value) =>
  isEventId(value) ? undefined : 'must be 1 to 128 visible ASCII characters without space';
const media: Check = (value) => (mediaType.test(value) ? undefined : 'must be a media type');
const reference: Check = (value) => (uriReference.test(value) ? undefined : 'must be a non-empty URI reference');
const hopCount: Check = (value) => (/^\d{1,6}$/.test(value) ? undefined : 'must be a whole number below 1000000');
const absoluteUri: Check = (value) =>
  uriScheme.test(value) && uriReference.test(value) ? undefined : 'must be an absolute URI';

const rules = new Map<string, AttributeRule>([
  ['specversion', { contextName: 'specversion', check: (value) => (value === '1.0' ? undefined : 'must be "1.0"') }],
  ['id', { contextName: 'id', check: eventId }],
  ['source', { contextName: 'source', check: reference }],
  ['type', { contextName: 'type', check: fullText }],
  ['subject', { contextName: 'subject', check: fullText }],
  ['time', { contextName: 'time', check: timestamp }],
  ['dataschema', { contextName: 'dataschema', check: absoluteUri }],
  ['datacontenttype', { contextName: 'datacontenttype', check: media }],
  // The extensions whose values the bus acts on.
  ['partitionkey', { check: fullText }],
  ['deliverat', { check: timestamp }],
  ['expirytime', { check: timestamp }],
  ['hookcasthops', { check: hopCount }],
]);

const anyExtension: AttributeRule = { check: text };

/**
 * The rule for an attribute; undefined when the name is none: CloudEvents allows lower-case ASCII letters and digits, we
 * at most 64 of them, and `data` is taken.
 */
export function ruleOf(name: string): AttributeRule | undefined {
  return rules.get(name) ?? (attributeName.test(name) && name !== 'data' ? anyExtension : undefined);
}
