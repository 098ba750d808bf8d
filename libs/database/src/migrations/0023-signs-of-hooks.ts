import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Workers tell one another which hooks asked for quiet, and which are up again. */
export class SignsOfHooks0023 implements MigrationInterface {
  name = 'SignsOfHooks1764000000023';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      -- Subscription id → what its hook has shown to this worker, as far as it is news to the others.
      alter table workers add column signs jsonb not null default '{}';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `alter table workers drop column signs`);
  }
}
