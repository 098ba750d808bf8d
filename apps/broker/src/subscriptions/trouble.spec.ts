import { troublesOf } from './trouble.js';

const now = new Date('2026-05-04T10:00:00Z');
const well = {
  state: 'active' as const,
  stateReason: null,
  parked: null,
  blockedKeys: [],
  successRate: 1,
  rateLimit: null,
  neverAnswered: false,
  backlog: 0,
  oldestPendingAt: null,
};
const kindsOf = (more: Partial<Parameters<typeof troublesOf>[0]>) =>
  troublesOf({ ...well, ...more }, now).map(({ kind }) => kind);

test('where all is well there is no trouble', () => {
  expect(kindsOf({})).toEqual([]);
  expect(kindsOf({ successRate: null, oldestPendingAt: '2026-05-04T09:59:30Z', backlog: 3 })).toEqual([]);
});

test('states that stop delivery are told with their reason', () => {
  expect(troublesOf({ ...well, state: 'suspended', stateReason: 'gone' }, now)).toEqual([
    { kind: 'suspended', reason: 'the hook answered 410 Gone; nothing is sent until somebody resumes it' },
  ]);
  expect(troublesOf({ ...well, state: 'suspended', stateReason: 'handshake-pending' }, now)).toEqual([
    { kind: 'suspended', reason: 'its hook has not agreed to be sent to yet; it is asked again by itself' },
  ]);
  expect(kindsOf({ state: 'paused' })).toEqual(['paused']);
  expect(kindsOf({ state: 'stale' })).toEqual(['stale']);
});

test('an endpoint that is down says since when, when it is tried again and what it answered', () => {
  const parked = { reason: 'failing', since: 'S', until: 'U', probes: 2, error: 'status 500' };
  expect(troublesOf({ ...well, parked, successRate: 0.5 }, now)).toEqual([
    { kind: 'endpoint-down', reason: 'down since S, 2 probes failed, next probe at U; last failure: status 500' },
    { kind: 'failing', reason: '50 % of the attempts of the last hour succeed' },
  ]);
  expect(troublesOf({ ...well, parked, neverAnswered: true }, now)[0]?.reason).toMatch(
    /^has never answered, tried since S, 2 probes failed, next probe at U/,
  );
  expect(kindsOf({ parked: { ...parked, reason: 'retry-after' } })).toEqual(['asked-for-quiet']);
});

test('keys that wait behind a failing event name it', () => {
  const blocked = {
    key: 'k',
    eventId: 'e1',
    position: '1:2',
    attemptCount: 3,
    nextAttemptAt: 'x',
    lastError: 'timeout',
  };
  expect(troublesOf({ ...well, blockedKeys: [blocked] }, now)[0]?.reason).toBe('1 key waits behind e1: timeout');
  expect(troublesOf({ ...well, blockedKeys: [{ ...blocked, key: null }] }, now)[0]?.reason).toContain(
    'the stream waits',
  );
});

test('a limit is trouble once more waits than it lets through in ten seconds', () => {
  expect(kindsOf({ rateLimit: 5, backlog: 50 })).toEqual([]);
  expect(kindsOf({ rateLimit: 5, backlog: 51 })).toEqual(['rate-limited']);
});

test('a lag is told where nothing else explains it', () => {
  const oldestPendingAt = '2026-05-04T09:58:00Z';
  expect(troublesOf({ ...well, oldestPendingAt }, now)).toEqual([
    { kind: 'lagging', reason: 'its oldest event waits for 120 s' },
  ]);
  expect(kindsOf({ oldestPendingAt, state: 'paused' })).toEqual(['paused']);
});
