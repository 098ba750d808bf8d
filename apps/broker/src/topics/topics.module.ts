import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Topic } from '@hookcast/database';
import { ControlModule } from '../control/control.module.js';
import { TopicDirectory } from './topic-directory.js';
import { TopicFiguresReader } from './topic-figures.js';
import { TopicsController } from './topics.controller.js';
import { TopicsService } from './topics.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Topic]), ControlModule],
  controllers: [TopicsController],
  providers: [TopicsService, TopicFiguresReader, TopicDirectory],
  exports: [TopicDirectory, TopicFiguresReader],
})
export class TopicsModule {}
