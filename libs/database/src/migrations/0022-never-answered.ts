import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Subscriptions whose hook has not answered anything yet are not tried again and again. */
export class NeverAnswered0022 implements MigrationInterface {
  name = 'NeverAnswered1764000000022';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      -- From when a URL is set until anything is heard from there. Of those that exist nobody knows, so they count as heard of.
      alter table subscriptions add column never_answered boolean not null default false;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `alter table subscriptions drop column never_answered`);
  }
}
