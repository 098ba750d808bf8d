import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';

const formats = ['json', 'asyncapi'] as const;

export class MapQuery {
  @ApiPropertyOptional({ enum: formats, description: '`asyncapi`: the same as an AsyncAPI 3 document.' })
  @IsOptional()
  @IsIn(formats)
  format?: (typeof formats)[number];
}

export class MapPublisher {
  @ApiProperty({ enum: ['key', 'source', 'broker'] })
  kind!: 'key' | 'source' | 'broker';

  @ApiProperty({ type: String, description: 'Of the API key or the source.' })
  name!: string;
}

export class MapSubscription {
  @ApiProperty({ type: String })
  name!: string;

  @ApiProperty({ type: String, nullable: true })
  service!: string | null;

  @ApiProperty({ type: String })
  state!: string;

  @ApiProperty({ type: Boolean, description: 'It takes only what its filter matches.' })
  isFiltered!: boolean;
}

export class MapTopic {
  @ApiProperty({ type: String })
  name!: string;

  @ApiProperty({
    type: [MapPublisher],
    description:
      'Who may publish: keys with a publish scope for it (admin keys may everywhere and are left out), sources.',
  })
  publishers!: MapPublisher[];

  @ApiProperty({ type: [MapSubscription] })
  subscriptions!: MapSubscription[];
}

export class MapResponse {
  @ApiProperty({ type: [MapTopic], description: 'By name.' })
  topics!: MapTopic[];

  @ApiProperty({ type: Boolean, description: 'There are more topics than the first 1,000 by name.' })
  isCut!: boolean;
}
