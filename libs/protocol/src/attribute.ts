import { isEventId } from './event-id.js';
import { isTimestamp } from './timestamp.js';

const attributeName = /^[a-z0-9]{1,64}$/;
const uriReference = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;
const uriScheme = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const mediaType = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ ;][\x20-\x7e]*)?$/;
const unencodable = /[\p{Cc}\p{Surrogate}\p{Noncharacter_Code_Point}]/u;
const plainAscii = /^[\x20-\x7e]*$/;

interface AttributeRule {
  accepts(value: string): boolean;
  detail: string;
}

const notEmpty: AttributeRule = { accepts: (value) => value !== '', detail: 'must not be empty' };
const timestamp: AttributeRule = { accepts: isTimestamp, detail: 'must be an RFC 3339 timestamp' };

/** CloudEvents 1.0.2 context attributes, and the extensions the bus acts on. */
const rules = new Map<string, AttributeRule>([
  ['specversion', { accepts: (value) => value === '1.0', detail: 'must be "1.0"' }],
  ['id', { accepts: isEventId, detail: 'must be 1 to 128 visible ASCII characters without space' }],
  ['source', { accepts: (value) => uriReference.test(value), detail: 'must be a non-empty URI reference' }],
  ['type', notEmpty],
  ['subject', notEmpty],
  ['time', timestamp],
  [
    'dataschema',
    { accepts: (value) => uriScheme.test(value) && uriReference.test(value), detail: 'must be an absolute URI' },
  ],
  ['datacontenttype', { accepts: (value) => mediaType.test(value), detail: 'must be a media type' }],
  ['partitionkey', notEmpty],
  ['deliverat', timestamp],
  ['expirytime', timestamp],
]);

/** True for a CloudEvents attribute name: lower-case ASCII letters and digits, here at most 64; `data` is taken. */
export function isAttributeName(name: string): boolean {
  return attributeName.test(name) && name !== 'data';
}

/** Why the value is not one the attribute may have, or undefined when it is. */
export function attributeError(name: string, value: string): string | undefined {
  // No CloudEvents String (1.0.2, type system) holds these.
  if (!plainAscii.test(value) && unencodable.test(value)) {
    return 'must not hold control characters, noncharacters or lone surrogates';
  }
  const rule = rules.get(name);
  return rule === undefined || rule.accepts(value) ? undefined : rule.detail;
}
