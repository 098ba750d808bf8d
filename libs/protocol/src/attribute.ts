import { isEventId } from './event-id.js';
import { isTimestamp } from './timestamp.js';

const attributeName = /^[a-z0-9]{1,64}$/;
const plainAscii = /^[\x20-\x7e]*$/;
const unencodable = /[\p{Cc}\p{Surrogate}\p{Noncharacter_Code_Point}]/u;
const uriReference = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;
const uriScheme = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const mediaType = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ ;][\x20-\x7e]*)?$/;

/** Says why an attribute may not have the value, or undefined when it may. */
type AttributeRule = (value: string) => string | undefined;

/** A String of the CloudEvents type system. */
const text: AttributeRule = (value) =>
  plainAscii.test(value) || !unencodable.test(value)
    ? undefined
    : 'must not hold control characters, noncharacters or lone surrogates';

const fullText: AttributeRule = (value) => (value === '' ? 'must not be empty' : text(value));

const timestamp: AttributeRule = (value) => (isTimestamp(value) ? undefined : 'must be an RFC 3339 timestamp');

/** CloudEvents 1.0.2 context attributes, and the extensions the bus acts on. */
const rules = new Map<string, AttributeRule>([
  ['specversion', (value) => (value === '1.0' ? undefined : 'must be "1.0"')],
  ['id', (value) => (isEventId(value) ? undefined : 'must be 1 to 128 visible ASCII characters without space')],
  ['source', (value) => (uriReference.test(value) ? undefined : 'must be a non-empty URI reference')],
  ['type', fullText],
  ['subject', fullText],
  ['time', timestamp],
  [
    'dataschema',
    (value) => (uriScheme.test(value) && uriReference.test(value) ? undefined : 'must be an absolute URI'),
  ],
  ['datacontenttype', (value) => (mediaType.test(value) ? undefined : 'must be a media type')],
  ['partitionkey', fullText],
  ['deliverat', timestamp],
  ['expirytime', timestamp],
]);

/** True for a CloudEvents attribute name: lower-case ASCII letters and digits, here at most 64; `data` is taken. */
export function isAttributeName(name: string): boolean {
  return rules.has(name) || (attributeName.test(name) && name !== 'data');
}

/** Why the value is not one the attribute may have, or undefined when it is. */
export function attributeError(name: string, value: string): string | undefined {
  return (rules.get(name) ?? text)(value);
}
