import type { MigrationInterface, QueryRunner } from 'typeorm';
import { confineTable, releaseTable } from '../confinement-store.js';

/** What operational events are made of. What happened before this is not told. */
export class Announcements0011 implements MigrationInterface {
  name = 'Announcements1764000000011';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      alter table announcements add column namespace text not null default 'default';

      -- announced_state: the last state that was told of. backlog_high_at: when a high backlog was told of that still is.
      alter table subscriptions add column announced_state text not null default 'active', add column backlog_high_at timestamptz;
      update subscriptions set announced_state = state where state <> announced_state;

      -- A dead letter is its own announcement: the statement that writes it need not write another row.
      alter table dead_letters add column announced boolean not null default true;
      alter table dead_letters alter column announced set default false;
      create index dead_letters_unannounced on dead_letters (stream_id) where not announced;
    `);
    await runner.query(confineTable('announcements'));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(releaseTable('announcements'));
    await runner.query(/* sql */ `
      alter table announcements drop column namespace;
      alter table subscriptions drop column announced_state, drop column backlog_high_at;
      alter table dead_letters drop column announced;
    `);
  }
}
