import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Work on many deliveries at once: redrives, discards, replays; and cursors that are moved by hand. */
export class Operations0006 implements MigrationInterface {
  name = 'Operations1764000000006';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(operations);
    await runner.query(delivery);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      drop table cursor_skips;
      alter table cursors drop column moves, drop column skipped;
      alter table dead_letters drop column fingerprint;
      alter table retries drop column operation_id;
      drop table operation_results, operations;
    `);
  }
}

const operations = /* sql */ `
  -- fed: deliveries that the operation has put into retries; what became of them comes back by operation_results.
  -- allowance: what is left of the rate at allowance_at. runner: whose it is until leased_until.
  create table operations (
    id uuid constraint operations_pk primary key,
    namespace text not null default 'default',
    kind text not null constraint operations_kind_known check (kind in ('redrive', 'discard', 'replay')),
    subscription_id integer not null,
    subscription text not null,
    request jsonb not null,
    rate double precision constraint operations_rate_positive check (rate > 0),
    status text not null default 'pending'
      constraint operations_status_known check (status in ('pending', 'running', 'done', 'failed', 'cancelled')),
    waits_for text,
    total bigint not null,
    fed bigint not null default 0,
    done bigint not null default 0,
    failed bigint not null default 0,
    skipped bigint not null default 0,
    progress jsonb not null,
    is_fed boolean not null default false,
    allowance double precision not null default 0,
    allowance_at timestamptz not null default now(),
    runner uuid,
    leased_until timestamptz,
    next_step_at timestamptz not null default now(),
    idempotency_key text,
    created_by text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    finished_at timestamptz,
    error text,
    constraint operations_idempotency_key_unique unique (namespace, idempotency_key)
  ) with (fillfactor = 50);
  create index operations_by_time on operations (namespace, created_at desc, id);
  create index operations_open on operations (next_step_at) where status in ('pending', 'running');
  create index operations_finished on operations (finished_at) where finished_at is not null;

  -- Written by whoever settles, in the statement that settles; added up by whoever runs the operation. An own row for
  -- each statement, so that settling never waits for the row of the operation.
  create table operation_results (
    stream_id integer not null,
    operation_id uuid not null,
    settled integer not null,
    failed integer not null
  );
  create index operation_results_of_operation on operation_results (operation_id);
`;

const delivery = /* sql */ `
  -- The operation that the delivery is repeated for; null for all others.
  alter table retries add column operation_id uuid;
  create index retries_of_operation on retries (operation_id) where operation_id is not null;

  -- Names the kind of error, see libs/delivery (error-fingerprint.ts).
  alter table dead_letters add column fingerprint text collate "C" not null default 'unknown';
  create index dead_letters_by_fingerprint on dead_letters (subscription_id, fingerprint, dead_at);

  -- moves: how often the cursor was moved by hand; what a worker knows from before a move it may not write any more.
  alter table cursors add column moves integer not null default 0, add column skipped bigint not null default 0;

  -- What was left out when a cursor was moved forward by hand.
  create table cursor_skips (
    stream_id integer not null,
    subscription_id integer not null,
    move integer not null,
    skipped int8multirange not null,
    skipped_at timestamptz not null,
    constraint cursor_skips_pk primary key (stream_id, subscription_id, move)
  );
`;
