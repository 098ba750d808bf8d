import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Parked cursors, what filters keep back, rates over all workers, and announcements of state changes. */
export class Flow0004 implements MigrationInterface {
  name = 'Flow1764000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(cursors);
    await runner.query(rates);
    await runner.query(announcements);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      drop table announcements, rate_buckets;
      alter table subscriptions drop column drain_rate;
      alter table cursors drop column parked_since, drop column park_probes, drop column park_error,
        drop column filtered, drop column drain_seq;
    `);
  }
}

const cursors = /* sql */ `
  -- parked_since: begin of the outage; park_probes: probes that failed in it; park_error: the last failure.
  -- filtered: events that the filter kept back. drain_seq: up to here the backlog is drained at drain_rate.
  alter table cursors
    add column parked_since timestamptz,
    add column park_probes smallint not null default 0,
    add column park_error text,
    add column filtered bigint not null default 0,
    add column drain_seq bigint not null default 0;
`;

const rates = /* sql */ `
  -- Events a second for the backlog that a resume found.
  alter table subscriptions add column drain_rate double precision;

  -- One row per subscription with a rate: tokens are leased by its workers. Unlogged: an empty table is a full bucket.
  create unlogged table rate_buckets (
    subscription_id integer not null constraint rate_buckets_pk primary key,
    tokens double precision not null,
    filled_at timestamptz not null
  ) with (fillfactor = 10);
`;

const announcements = /* sql */ `
  -- Operational events on their way to the log: written with the change they tell of, deleted once they are published.
  -- The id becomes the event's id, so publishing twice stores once.
  create table announcements (
    id text collate "C" not null constraint announcements_pk primary key,
    topic text not null,
    subject text,
    data jsonb not null,
    created_at timestamptz not null
  );
`;
