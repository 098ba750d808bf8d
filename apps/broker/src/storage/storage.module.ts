import { Module } from '@nestjs/common';
import { StorageGuard } from './storage-guard.js';

/** Whether there is room for more events. */
@Module({ providers: [StorageGuard], exports: [StorageGuard] })
export class StorageModule {}
