import { ApiProperty } from '@nestjs/swagger';
import { Injectable } from '@nestjs/common';
import type { Subscription } from '@hookcast/database';

export class TestResponse {
  @ApiProperty({ type: Number, nullable: true })
  status!: number | null;
}

@Injectable()
export class HookTest {
  async send(_subscription: Subscription): Promise<TestResponse> {
    return { status: null };
  }
}
