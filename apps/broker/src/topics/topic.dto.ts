import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import type { SchemaMode, Topic } from '@hookcast/database';
import { isPlainObject, MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { PageResponse } from '../http/page.js';
import type { TopicFigures } from './topic-figures.js';

export const schemaModes = ['off', 'warn', 'reject'] as const;

const maxSchemaChars = 65_536;

/** Postgres keeps no U+0000 in jsonb. */
function isStorableSchema(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  const text = JSON.stringify(value);
  return text.length <= maxSchemaChars && !/(?:^|[^\\])(?:\\\\)*\\u0000/.test(text);
}

export class PutTopicRequest {
  @ApiPropertyOptional({ type: Number, minimum: 1, maximum: 64, description: 'May grow, never shrink.' })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(64)
  partitions?: number;

  @ApiPropertyOptional({
    type: Number,
    nullable: true,
    minimum: 1,
    maximum: 3650,
    description: "Null: the broker's default.",
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(3650)
  retentionDays?: number | null;

  @ApiPropertyOptional({ type: Object, nullable: true, description: 'JSON Schema of the data, at most 64 KiB.' })
  @IsOptional()
  @Satisfies(isStorableSchema, 'must be a JSON object of at most 64 KiB without NUL characters')
  schema?: Record<string, unknown> | null;

  @ApiPropertyOptional({ enum: schemaModes, default: 'off' })
  @MayBeAbsent()
  @IsIn(schemaModes)
  schemaMode?: SchemaMode;
}

export class TopicResponse {
  @ApiProperty({ type: String })
  name!: string;

  @ApiProperty({ type: Number })
  partitions!: number;

  @ApiProperty({ type: Number, description: 'Days that events stay readable.' })
  retentionDays!: number;

  @ApiProperty({ type: Object, nullable: true })
  schema!: Record<string, unknown> | null;

  @ApiProperty({ enum: schemaModes })
  schemaMode!: SchemaMode;

  @ApiProperty({ type: Number, description: 'Events a second over the last minute.' })
  eventRate!: number;

  @ApiProperty({ type: Number, description: 'Stored data, estimated from the newest events.' })
  bytes!: number;

  @ApiProperty({ type: [String], description: 'Position of the newest event of each partition, `<stream>:<seq>`.' })
  headPositions!: string[];

  @ApiProperty({ type: [String], description: 'Names of the subscriptions that receive this topic.' })
  subscriptions!: string[];

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  lastEventAt!: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  updatedAt!: string;
}

export class SchemaWideningResponse {
  @ApiProperty({ type: String, description: 'JSON pointer into the schema.' })
  pointer!: string;

  @ApiProperty({ type: String })
  detail!: string;
}

export class SchemaChange {
  @ApiProperty({ type: [SchemaWideningResponse], description: 'What is valid now and was not before.' })
  widenings!: SchemaWideningResponse[];

  @ApiProperty({ type: [String], description: 'Subscriptions that may meet such events.' })
  subscriptions!: string[];
}

export class PutTopicResponse extends TopicResponse {
  @ApiPropertyOptional({
    type: SchemaChange,
    description: 'Only when the new schema lets through what the old did not.',
  })
  schemaChange?: SchemaChange;
}

export class TopicPage extends PageResponse {
  @ApiProperty({ type: [TopicResponse] })
  items!: TopicResponse[];
}

export function toTopicResponse(topic: Topic, figures: TopicFigures, defaultRetentionDays: number): TopicResponse {
  return {
    name: topic.name,
    partitions: topic.partitions,
    retentionDays: topic.retentionDays ?? defaultRetentionDays,
    schema: topic.schema,
    schemaMode: topic.schemaMode,
    ...figures,
    createdAt: topic.createdAt.toISOString(),
    updatedAt: topic.updatedAt.toISOString(),
  };
}
