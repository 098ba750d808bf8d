export { signedRequest, type SignedHookRequest, type SignedRequestOptions } from './signed-request.js';
export {
  createTestBus,
  type DeadDelivery,
  type DeliverOptions,
  type RecordedEvent,
  type TestBus,
  type TestBusOptions,
  type WaitOptions,
} from './test-bus.js';
export type { Connection, HookReply, TestHook } from './test-hook.js';
