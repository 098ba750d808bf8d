import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who asks for what is pending is shown the delayed events of a subscription without a walk through its retries. */
export class DelayedEvents0018 implements MigrationInterface {
  name = 'DelayedEvents1764000000018';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      -- Written for delayed events only (kind 1).
      create index retries_delayed on retries (stream_id, subscription_id, seq) where kind = 1;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `drop index retries_delayed`);
  }
}
