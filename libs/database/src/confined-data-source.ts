import { DataSource, type DataSourceOptions, type QueryRunner, type ReplicationMode } from 'typeorm';
import { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner.js';
import { confineTransaction } from './confinement-store.js';

/**
 * A data source whose statements are confined to the namespace that the work in progress is for: every repository,
 * manager and transaction takes its connection from here, so a statement that forgets to ask for its namespace still
 * gets no other rows. Row-level security does the confining (migration 0009).
 */
export class ConfinedDataSource extends DataSource {
  /** `confinement` is asked whenever work begins; undefined means the broker's own work, which sees all rows. */
  constructor(
    options: DataSourceOptions,
    private readonly confinement: () => string | undefined,
  ) {
    super(options);
  }

  override createQueryRunner(mode: ReplicationMode = 'master'): QueryRunner {
    const namespace = this.confinement();
    if (namespace === undefined) return super.createQueryRunner(mode);
    if (!(this.driver instanceof PostgresDriver)) throw new Error('Confinement is done by Postgres.');
    const runner = new ConfinedQueryRunner(this.driver, mode, namespace);
    return Object.assign(runner, { manager: this.createEntityManager(runner) });
  }
}

/** The settings hold for a transaction, since a pooler may lend the session to anybody after it: so all is done in one. */
class ConfinedQueryRunner extends PostgresQueryRunner {
  constructor(
    driver: PostgresDriver,
    mode: ReplicationMode,
    private readonly namespace: string,
  ) {
    super(driver, mode);
  }

  override async startTransaction(...isolation: Parameters<PostgresQueryRunner['startTransaction']>): Promise<void> {
    await super.startTransaction(...isolation);
    await super.query(confineTransaction(this.namespace));
  }

  // eslint-disable-next-line typescript/no-explicit-any -- as TypeORM types it
  override async query(...statement: Parameters<PostgresQueryRunner['query']>): Promise<any> {
    if (this.isTransactionActive) return super.query(...statement);
    try {
      await super.query(/* sql */ `begin; ${confineTransaction(this.namespace)}`);
      const result: unknown = await super.query(...statement);
      await super.query(/* sql */ `commit`);
      return result;
    } catch (error) {
      // What failed is what counts; a connection that cannot roll back is broken and thrown away.
      await super.query(/* sql */ `rollback`).catch(() => {});
      throw error;
    }
  }
}
