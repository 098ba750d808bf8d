const topicName = /^[a-z0-9][a-z0-9._-]{0,127}$/;

/** True for a topic name: `^[a-z0-9][a-z0-9._-]{0,127}$` with no empty segment between, before or after its dots. */
export function isTopicName(name: string): boolean {
  return topicName.test(name) && !name.includes('..') && !name.endsWith('.');
}

/**
 * True for a topic pattern: a topic name in which a whole segment may be `*` (exactly one segment) and the last one
 * `**` (one or more segments). A star elsewhere is refused, and so is a pattern longer than 128 characters.
 */
export function isTopicPattern(pattern: string): boolean {
  if (pattern.length > 128) return false;
  const segments = pattern.split('.');
  const last = segments.length - 1;
  // A name with every wildcard replaced by a letter is a topic name, exactly when the rest of the pattern is sound.
  const filled = segments.map((segment, at) => (segment === '*' || (segment === '**' && at === last) ? 'x' : segment));
  return isTopicName(filled.join('.'));
}

/**
 * Turns a pattern into a test for topic names.
 *
 * @throws {RangeError} when the text is no pattern; check it with {@link isTopicPattern} first
 */
export function compilePattern(pattern: string): (topic: string) => boolean {
  if (!isTopicPattern(pattern)) throw new RangeError(`Not a topic pattern: ${JSON.stringify(pattern)}`);
  if (!pattern.includes('*')) return (topic) => topic === pattern;
  // A segment holds no dots, so each `*` can match in one way only and the expression runs in linear time.
  const expression = new RegExp(`^${pattern.split('.').map(segmentExpression).join('\\.')}$`);
  return (topic) => expression.test(topic);
}

function segmentExpression(segment: string): string {
  if (segment === '**') return '.+';
  return segment === '*' ? '[^.]+' : segment;
}
