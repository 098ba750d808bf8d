import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Events on which the filter of a subscription failed, counted by minute beside its attempts. */
export class FilterErrors0020 implements MigrationInterface {
  name = 'FilterErrors1764000000020';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `alter table delivery_stats add column filter_errors integer not null default 0`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `alter table delivery_stats drop column filter_errors`);
  }
}
