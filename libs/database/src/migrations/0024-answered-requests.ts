import type { MigrationInterface, QueryRunner } from 'typeorm';
import { confineTable } from '../confinement-store.js';

/** What leaves no trace by which a repetition could be told, a test event or a retry by hand, is remembered for a day. */
export class AnsweredRequests0024 implements MigrationInterface {
  name = 'AnsweredRequests1764000000024';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
      -- request: SHA-256 of the caller and the Idempotency-Key. asked: SHA-256 of what was asked for.
      -- answer: JSON, null until the request has been answered. No jsonb: answers of hooks may hold NUL.
      create table answered_requests (
        namespace text not null,
        request bytea not null,
        asked bytea not null,
        begun_at timestamptz not null,
        answer text,
        constraint answered_requests_pk primary key (namespace, request)
      );
      create index answered_requests_by_age on answered_requests (begun_at);
    `);
    await runner.query(confineTable('answered_requests'));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `drop table answered_requests`);
  }
}
