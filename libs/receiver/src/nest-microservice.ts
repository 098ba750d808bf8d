export { HOOKCAST_TRANSPORT, HookcastContext, HookcastServer } from './nest-server.js';
export type { HookApplication, HookcastServerOptions } from './nest-server-options.js';
