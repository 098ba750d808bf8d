import { healthOf } from './health.js';

const well: Parameters<typeof healthOf>[0] = {
  storage: { publishing: 'accepted', reason: null, databaseBytes: 1, maxDatabaseBytes: null, freeBytes: null },
  workers: 1,
  subscriptions: { active: 2, paused: 0, suspended: 0, stale: 0 },
  reconciler: { lastRunAt: null, deliveries: 0, violations: 0 },
  troubled: 0,
  troubles: [],
};
const troubled = (kind: string) => ({
  troubled: 1,
  troubles: [
    { subscription: 's', state: 'active', backlog: 1, oldestPendingAt: null, troubles: [{ kind, reason: '' }] },
  ],
});

test('all is well where nothing is wrong, also with what was held back on purpose', () => {
  expect(healthOf(well)).toMatchObject({ tone: 'good', title: 'All is well' });
  expect(healthOf({ ...well, ...troubled('paused') })).toMatchObject({
    tone: 'good',
    title: expect.stringContaining('on purpose'),
  });
});

test('subscriptions in trouble do not make the bus ill', () => {
  expect(healthOf({ ...well, ...troubled('endpoint-down') })).toMatchObject({
    tone: 'warn',
    title: 'The bus is well; 1 subscription is in trouble',
  });
});

test('a full disk, no worker and what is not accounted for do, and each says what to do', () => {
  const storage = { ...well.storage, publishing: 'refused', reason: 'the disk is full' };
  const reconciler = { lastRunAt: null, deliveries: 5, violations: 2 };
  const { tone, notes } = healthOf({ ...well, storage, workers: 0, reconciler });
  expect(tone).toBe('bad');
  expect(notes).toEqual([
    expect.stringContaining('the disk is full'),
    expect.stringContaining('HOOKCAST_ROLE'),
    expect.stringContaining('2 deliveries'),
  ]);
  const nobody = { active: 0, paused: 0, suspended: 0, stale: 0 };
  expect(healthOf({ ...well, workers: 0, subscriptions: nobody }).tone).toBe('good');
});
