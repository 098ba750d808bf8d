export { HookcastTestingModule } from './nest-testing-module.js';
