import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Operations say when they run slower than their rate, and why. */
export class OperationPace0017 implements MigrationInterface {
  name = 'OperationPace1764000000017';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      alter table operations
        -- Deliveries a second that a worker lets it make, less than its rate, and the reason.
        add column pace double precision,
        add column slowed_by text,
        -- Said again for as long as it lasts.
        add column slowed_until timestamptz;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      alter table operations drop column pace, drop column slowed_by, drop column slowed_until`);
  }
}
