import type { HookClient } from '@hookcast/egress';
import { uuidv7 } from '@hookcast/protocol';
import { callRequest } from './batch-request.js';
import { HookEvent } from './hook-event.js';
import { hookTemplate, type HookTarget } from './hook-request.js';

export interface TestResult {
  eventId: string;
  /** Absent when no answer came. */
  status?: number;
  durationMs: number;
  /** First 1 KiB of the answer's body. */
  response: Buffer;
  /** `<class>: <detail>` when no answer came. */
  error?: string;
}

/** Type of the event that a test sends; it belongs to no topic and is stored nowhere. */
export const testEventType = 'hookcast.test';

const shownBytes = 1_024;

/**
 * Sends a signed test event to a subscription's hook now, whatever the subscription's state, and reports what came back.
 *
 * @throws SecretError when a secret of the subscription is malformed
 */
export async function sendTest(
  client: Pick<HookClient, 'post'>,
  target: HookTarget,
  { now, userAgent }: { now: Date; userAgent: string },
): Promise<TestResult> {
  const eventId = uuidv7(now.getTime());
  const event = new HookEvent({
    id: eventId,
    type: testEventType,
    source: `/subscriptions/${target.name}`,
    topic: testEventType,
    contentType: 'application/json',
    attributes: {},
    data: Buffer.from(JSON.stringify({ test: true, subscription: target.name })),
    streamId: 0,
    seq: 0,
    createdAt: now,
  });
  const template = hookTemplate(target, userAgent);
  const attempt = { number: 1, isReplay: false };
  const response = await client.post(callRequest(template, [event], attempt, Math.floor(now.getTime() / 1000)));
  const { durationMs } = response;
  if (response.kind === 'failed') {
    return { eventId, durationMs, response: Buffer.alloc(0), error: `${response.error}: ${response.detail}` };
  }
  return { eventId, durationMs, status: response.status, response: response.body.subarray(0, shownBytes) };
}
