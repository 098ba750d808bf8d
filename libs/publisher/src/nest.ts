export { HookcastPublisher, HookcastPublisherModule, type HookcastPublisherModuleOptions } from './nest-publisher.js';
