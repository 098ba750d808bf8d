/**
 * `up`: apply all that is missing. `down`: revert the newest. `{ to }`: apply or revert until the named migration
 * is the newest applied; null reverts all.
 */
export type MigrationDirection = 'up' | 'down' | { to: string | null };

export interface MigrationState {
  /** Applied here and known to this program, oldest first. */
  applied: string[];
  /** Known to this program, not applied, oldest first. */
  pending: string[];
  /** Applied here by a newer (or other) version of the program. */
  unknown: string[];
}

export interface MigrationPlan {
  /** To apply, oldest first. */
  up: string[];
  /** To revert, newest first. */
  down: string[];
}

/** Compares what the program knows with what the database has, both oldest first. */
export function migrationState(known: readonly string[], applied: readonly string[]): MigrationState {
  return {
    applied: known.filter((name) => applied.includes(name)),
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  };
}

/**
 * @throws Error when `to` names no migration, or when something is to be reverted while the database has
 * migrations that this program does not know: they are newer, and only their own program can revert them.
 */
export function planMigrations(state: MigrationState, direction: MigrationDirection): MigrationPlan {
  const plan = steps(state, direction);
  if (plan.down.length > 0 && state.unknown.length > 0) {
    throw new Error(
      `The database has migrations of a newer version (${state.unknown.join(', ')}); revert those with that version first`,
    );
  }
  return plan;
}

function steps(state: MigrationState, direction: MigrationDirection): MigrationPlan {
  const { applied, pending } = state;
  if (direction === 'up') return { up: pending, down: [] };
  if (direction === 'down') return { up: [], down: applied.slice(-1) };
  if (direction.to === null) return { up: [], down: applied.toReversed() };
  const reached = applied.indexOf(direction.to);
  if (reached >= 0) return { up: [], down: applied.slice(reached + 1).toReversed() };
  const next = pending.indexOf(direction.to);
  if (next < 0) throw new Error(`There is no migration "${direction.to}"`);
  return { up: pending.slice(0, next + 1), down: [] };
}
