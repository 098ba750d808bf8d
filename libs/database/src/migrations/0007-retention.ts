import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a subscription is owed, what went before it was settled, and which filters once kept events back. */
export class Retention0007 implements MigrationInterface {
  name = 'Retention1764000000007';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      -- Where the cursor began, or was last moved to by hand: what is above it is owed to the subscription. Of cursors
      -- that are older than this column nobody knows, so they are owed what they have not settled yet.
      alter table cursors add column started_seq bigint not null default 0;
      update cursors set started_seq = settled_seq;

      -- One row for each time that a day went before a subscription had settled it. Of the positions from from_seq to
      -- to_seq, events were still open.
      create table expirations (
        stream_id integer not null,
        subscription_id integer not null,
        to_seq bigint not null,
        from_seq bigint not null,
        events bigint not null,
        expired_at timestamptz not null,
        constraint expirations_pk primary key (stream_id, subscription_id, to_seq)
      );
      create index expirations_of_subscription on expirations (subscription_id, expired_at desc);

      -- Filters that were replaced: an event that one of them kept back is accounted for.
      create table past_filters (
        subscription_id integer not null,
        until timestamptz not null,
        filter text not null,
        constraint past_filters_pk primary key (subscription_id, until)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      drop table past_filters, expirations;
      alter table cursors drop column started_seq;
    `);
  }
}
