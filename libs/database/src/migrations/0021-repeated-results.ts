import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Counters of a cursor count a delivery each time it comes to an end. `repeated` says how many of these were of positions that
 * had been counted before, so that the rest has to add up to what is settled.
 */
export class RepeatedResults0021 implements MigrationInterface {
  name = 'RepeatedResults1764000000021';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      alter table cursors add column repeated bigint not null default 0;
      -- The position was counted before the row was written: by a replay, a redrive or a retry by hand.
      alter table retries add column is_repeat boolean not null default false;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      alter table retries drop column is_repeat;
      alter table cursors drop column repeated;
    `);
  }
}
