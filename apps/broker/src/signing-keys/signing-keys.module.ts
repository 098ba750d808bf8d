import { Module } from '@nestjs/common';
import { SigningKeys } from './signing-keys.js';

@Module({ providers: [SigningKeys], exports: [SigningKeys] })
export class SigningKeysModule {}
