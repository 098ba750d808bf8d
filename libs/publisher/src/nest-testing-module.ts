import { Module, type DynamicModule } from '@nestjs/common';
import { HookcastPublisher } from './nest-publisher.js';
import type { TestBus } from './test-bus.js';

/**
 * Stands in for `HookcastPublisherModule` around a part of an application: what it publishes goes to a test bus. A whole
 * application is told by `.overrideProvider(HookcastPublisher).useValue(bus)`.
 *
 * @example
 * const bus = createTestBus();
 * const testing = await Test.createTestingModule({
 *   imports: [HookcastTestingModule.forRoot(bus)],
 *   providers: [Orders],
 * }).compile();
 */
@Module({})
export class HookcastTestingModule {
  static forRoot(bus: TestBus): DynamicModule {
    return {
      module: HookcastTestingModule,
      global: true,
      providers: [{ provide: HookcastPublisher, useValue: bus }],
      exports: [HookcastPublisher],
    };
  }
}
