import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who may do what, and who did what. */
export class Access0003 implements MigrationInterface {
  name = 'Access1764000000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(keys);
    await runner.query(audit);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      drop table audit_log, api_keys;
      drop function refuse_audit_change();
    `);
  }
}

const keys = /* sql */ `
  create table api_keys (
    id text collate "C" constraint api_keys_pk primary key,
    namespace text not null default 'default',
    name text not null,
    scopes text[] not null,
    hint text not null,
    hash bytea not null,
    previous_hash bytea,
    previous_expires_at timestamptz,
    expires_at timestamptz,
    created_by text not null,
    created_at timestamptz not null default now(),
    rotated_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
  ) with (fillfactor = 70);
`;

const audit = /* sql */ `
  -- Written once: the program has no statement that changes an entry, and the trigger refuses one. Old entries are
  -- deleted from the front by time.
  create table audit_log (
    id bigint generated always as identity constraint audit_log_pk primary key,
    namespace text not null default 'default',
    at timestamptz not null,
    key_id text not null,
    key_name text not null,
    method text not null,
    action text not null,
    target text not null,
    outcome text not null,
    detail text,
    before jsonb,
    after jsonb,
    request_id text,
    address text,
    count integer not null default 1
  );
  create index audit_log_by_time on audit_log (at);

  create function refuse_audit_change() returns trigger language plpgsql as $$
  begin
    raise exception 'audit_log is append-only';
  end
  $$;
  create trigger audit_log_append_only before update or truncate on audit_log
    for each statement execute function refuse_audit_change();
`;
