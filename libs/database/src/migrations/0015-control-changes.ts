import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What each change of the control plane touched, so that a worker need not read everything again after it. */
export class ControlChanges0015 implements MigrationInterface {
  name = 'ControlChanges1764000000015';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      -- One row for a version of control_state that says what it touched. A version without a row may have touched anything.
      create table control_changes (
        version bigint not null constraint control_changes_pk primary key,
        subscription_ids integer[] not null,
        topic_ids integer[] not null
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `drop table control_changes`);
  }
}
