export {
  bumpControlVersion,
  controlChangesSince,
  noteControlChange,
  readControlVersion,
  type ControlTouches,
} from './control-store.js';
export { ConfinedDataSource } from './confined-data-source.js';
export { confinedRole, confineTransaction, tablesOfNamespaces } from './confinement-store.js';
export { createDataPool, type DataPoolOptions } from './data-pool.js';
export { dataSourceOptions, entities, migrations, type DataSourceSettings } from './data-source.js';
export { ApiKey } from './entities/api-key.entity.js';
export type { PastRotation } from './entities/past-rotation.js';
export { Service } from './entities/service.entity.js';
export { SigningKeyRing } from './entities/signing-key-ring.entity.js';
export {
  Source,
  type CaptureWindow,
  type SealedSourceSecret,
  type SealedToken,
  type SourceState,
  type WebSubSubscription,
} from './entities/source.entity.js';
export {
  Subscription,
  type BatchPolicy,
  type HookAuthShown,
  type HookFormat,
  type HookTlsShown,
  type Ordering,
  type RetryPolicy,
  type SealedHookAuth,
  type SealedHookTls,
  type SealedSecret,
  type SignatureKind,
  type SubscriptionHandshake,
  type SubscriptionState,
} from './entities/subscription.entity.js';
export { Topic, type SchemaMode } from './entities/topic.entity.js';
export { migrate, migrationStatus, type MigrateOptions } from './migrate.js';
export { type MigrationDirection, type MigrationState } from './migration-plan.js';
export { schemaDrift } from './schema-drift.js';
export { checkServer, type ServerCheck, type ServerCheckOptions } from './server-check.js';
export { rows, type SqlSource } from './sql.js';
export { isDatabaseUnavailable } from './unavailable.js';
