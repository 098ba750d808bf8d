import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { HealthModule } from '../health/health.module.js';
import { builtFolder, BuiltPage } from './built-page.js';
import { PageController } from './page.controller.js';
import { SessionController } from './session.controller.js';

@Module({
  imports: [AuthModule, HealthModule],
  controllers: [PageController, SessionController],
  providers: [{ provide: BuiltPage, useFactory: () => new BuiltPage(builtFolder) }],
})
export class PageModule {}
