export { HookcastReceiver, HookcastReceiverModule } from './nest-receiver.js';
export { printPlan } from './nest-plan.js';
export { OnEvent, type InboxHandler, type OnEventDecorator, type OnEventOptions } from './nest-on-event.js';
export type { HookcastInboxOptions } from './nest-inbox.js';
export type { InboxClient, InboxConnection } from './inbox-transaction.js';
export type { HookcastReceiverModuleExtras, HookcastReceiverModuleOptions } from './nest-options.js';
export type { EventContext } from './event-context.js';
export { DeadLetter, Drop, Retry, RetryAfter } from './handler-verdict.js';
