import { parseTopicCursor, type TopicRef, type TopicStart } from '@hookcast/log';
import { parseTimestamp } from '@hookcast/protocol';
import { invalid } from '../http/validation.js';

interface Asked {
  after: string | undefined;
  from: string | undefined;
  /** Where `after` was said. */
  pointer?: '/after' | '/cursor' | '/last-event-id';
}

/**
 * Where a reader asked to begin: after a position, at a time, at the end, or with the oldest event there is.
 *
 * @throws Problem validation-failed when it makes no sense for this topic
 */
export function topicStart(topic: TopicRef, { after, from, pointer = '/after' }: Asked): TopicStart {
  if (after === undefined) return startFrom(from ?? 'earliest');
  if (from !== undefined) throw invalid([{ pointer: '/from', detail: 'cannot be combined with after' }]);
  const cursor = parseTopicCursor(topic, after);
  if (!cursor) throw invalid([{ pointer, detail: `is not a position in topic ${topic.name}` }]);
  return { kind: 'after', cursor };
}

function startFrom(from: string): TopicStart {
  if (from === 'earliest' || from === 'latest') return { kind: from };
  const at = parseTimestamp(from);
  if (!at) throw invalid([{ pointer: '/from', detail: 'must be earliest, latest or an RFC 3339 time' }]);
  return { kind: 'time', at };
}
