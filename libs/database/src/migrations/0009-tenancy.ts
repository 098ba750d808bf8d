import type { MigrationInterface, QueryRunner } from 'typeorm';
import { confineTable, releaseTable, tablesOfNamespaces } from '../confinement-store.js';

/**
 * Confines every table with a namespace by row-level security. A table that comes later confines itself in its own
 * migration; a test finds the one that forgets to.
 */
export class Tenancy0009 implements MigrationInterface {
  name = 'Tenancy1764000000009';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of await tablesOfNamespaces(runner.manager)) await runner.query(confineTable(table));
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of await tablesOfNamespaces(runner.manager)) await runner.query(releaseTable(table));
  }
}
