export { HookcastClient, HookcastRecord, type HookcastClientOptions } from './nest-client.js';
