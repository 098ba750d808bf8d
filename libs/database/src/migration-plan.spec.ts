import { migrationState, planMigrations, type MigrationDirection } from './migration-plan.js';

const known = ['A', 'B', 'C'];

test.each<[string, string[], MigrationDirection, { up: string[]; down: string[] }]>([
  ['up on an empty database applies all', [], 'up', { up: ['A', 'B', 'C'], down: [] }],
  ['up applies what is missing', ['A'], 'up', { up: ['B', 'C'], down: [] }],
  ['up applies a migration that was added between two applied ones', ['A', 'C'], 'up', { up: ['B'], down: [] }],
  ['up on a current database does nothing', ['A', 'B', 'C'], 'up', { up: [], down: [] }],
  ['up is fine with what a newer program applied', ['A', 'B', 'C', 'D'], 'up', { up: [], down: [] }],
  ['down reverts the newest', ['A', 'B'], 'down', { up: [], down: ['B'] }],
  ['down on an empty database does nothing', [], 'down', { up: [], down: [] }],
  ['to a name goes up to it', [], { to: 'B' }, { up: ['A', 'B'], down: [] }],
  ['to a name goes down to it', ['A', 'B', 'C'], { to: 'A' }, { up: [], down: ['C', 'B'] }],
  ['to the current name does nothing', ['A', 'B'], { to: 'B' }, { up: [], down: [] }],
  ['to null reverts all, newest first', ['A', 'B', 'C'], { to: null }, { up: [], down: ['C', 'B', 'A'] }],
])('%s', (_name, applied, direction, plan) => {
  expect(planMigrations(migrationState(known, applied), direction)).toEqual(plan);
});

test('a name that nobody knows is refused', () => {
  expect(() => planMigrations(migrationState(known, []), { to: 'Z' })).toThrow('There is no migration "Z"');
});

test('nothing is reverted below a migration that only a newer program knows', () => {
  const state = migrationState(known, ['A', 'B', 'C', 'D']);
  expect(() => planMigrations(state, 'down')).toThrow(/newer version \(D\)/);
  expect(() => planMigrations(state, { to: null })).toThrow(/newer version \(D\)/);
});
