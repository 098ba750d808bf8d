import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How the broker identifies itself to hooks, and how people are identified to the page. */
export class HookAccess0010 implements MigrationInterface {
  name = 'HookAccess1764000000010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      alter table subscriptions add column auth jsonb, add column tls jsonb;

      -- A session is found by the hash of its cookie; key_proof binds it to the key that it began with.
      create table page_sessions (
        id_hash bytea constraint page_sessions_pk primary key,
        key_id text not null,
        key_proof bytea not null,
        created_at timestamptz not null,
        seen_at timestamptz not null,
        expires_at timestamptz not null
      );
      create index page_sessions_by_expiry on page_sessions (expires_at);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      drop table page_sessions;
      alter table subscriptions drop column auth, drop column tls;
    `);
  }
}
