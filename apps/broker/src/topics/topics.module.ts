import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Topic } from '@hookcast/database';
import { ControlModule } from '../control/control.module.js';
import { SchemasModule } from '../schemas/schemas.module.js';
import { TopicDirectory } from './topic-directory.js';
import { TopicFiguresReader } from './topic-figures.js';
import { TopicSchemaCheck } from './topic-schema-check.js';
import { TopicsController } from './topics.controller.js';
import { TopicsService } from './topics.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Topic]), ControlModule, SchemasModule],
  controllers: [TopicsController],
  providers: [TopicsService, TopicSchemaCheck, TopicFiguresReader, TopicDirectory],
  exports: [TopicDirectory, TopicFiguresReader, TopicsService],
})
export class TopicsModule {}
