import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What hooks answered when they were asked whether they take events. Hooks from before count as not asked. */
export class Handshake0008 implements MigrationInterface {
  name = 'Handshake1764000000008';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      alter table subscriptions add column handshake jsonb, add column handshake_at timestamptz;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      alter table subscriptions drop column handshake, drop column handshake_at;
    `);
  }
}
