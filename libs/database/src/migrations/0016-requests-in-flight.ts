import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Workers tell how many requests they have under way, so that every process can say it of a subscription. */
export class RequestsInFlight0016 implements MigrationInterface {
  name = 'RequestsInFlight1764000000016';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      -- Subscription id → requests under way, of those that have some; at most a few seconds old.
      alter table workers add column in_flight jsonb not null default '{}';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `alter table workers drop column in_flight`);
  }
}
