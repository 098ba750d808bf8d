import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A rotation that is repeated late must not bring back what a later one has replaced, so the past ones are remembered. */
export class PastRotations0019 implements MigrationInterface {
  name = 'PastRotations1764000000019';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      alter table api_keys add column rotations jsonb not null default '[]';
      alter table subscriptions add column rotations jsonb not null default '[]';
      alter table sources add column rotations jsonb not null default '[]';
      alter table signing_keys add column rotations jsonb not null default '[]';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      alter table api_keys drop column rotations;
      alter table subscriptions drop column rotations;
      alter table sources drop column rotations;
      alter table signing_keys drop column rotations;
    `);
  }
}
