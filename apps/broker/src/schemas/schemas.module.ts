import { Module } from '@nestjs/common';
import { SchemaCompiler } from './schema-compiler.js';
import { SchemaGate } from './schema-gate.js';

@Module({ providers: [SchemaCompiler, SchemaGate], exports: [SchemaCompiler, SchemaGate] })
export class SchemasModule {}
