export { HookcastEventEmitterModule } from './nest-bridge.js';
