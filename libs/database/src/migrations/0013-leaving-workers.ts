import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Workers that take leave say so, while they still finish what they have in hand. */
export class LeavingWorkers0013 implements MigrationInterface {
  name = 'LeavingWorkers1764000000013';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      -- It takes no streams any more, and gives those that it has away one after another: others share them out.
      alter table workers add column is_leaving boolean not null default false;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `alter table workers drop column is_leaving`);
  }
}
