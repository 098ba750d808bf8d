import { Injectable } from '@nestjs/common';
import { invalid } from '../http/validation.js';
import { SchemaCompiler } from '../schemas/schema-compiler.js';
import type { PutTopicRequest } from './topic.dto.js';

/** What a DTO cannot see of a topic's schema: whether it is one. */
@Injectable()
export class TopicSchemaCheck {
  constructor(private readonly schemas: SchemaCompiler) {}

  /** @throws Problem validation-failed with a pointer into the schema */
  refuseUnusable({ schema, schemaMode = 'off' }: PutTopicRequest): void {
    if (schema === undefined || schema === null) {
      if (schemaMode === 'off') return;
      throw invalid([{ pointer: '/schemaMode', detail: `needs a schema when it is ${schemaMode}` }]);
    }
    const compiled = this.schemas.compile(schema);
    if (compiled.kind === 'compiled') return;
    throw invalid([{ pointer: `/schema${compiled.pointer}`, detail: compiled.detail }]);
  }
}
