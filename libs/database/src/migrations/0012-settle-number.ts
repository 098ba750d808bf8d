import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Settles of a cursor are numbered, so that one which arrives late is told from the next one. */
export class SettleNumber0012 implements MigrationInterface {
  name = 'SettleNumber1764000000012';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      -- Number of the last settle that was written; the next one carries the number after it.
      alter table cursors add column settle_no bigint not null default 0;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `alter table cursors drop column settle_no`);
  }
}
