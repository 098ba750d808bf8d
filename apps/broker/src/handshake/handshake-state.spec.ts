import { handshakeColumns, holdReason, isHeld, openState, sendingRate, type HandshakeMode } from './handshake-state.js';
import type { HandshakeOutcome } from './handshake-verdict.js';

const now = new Date('2026-01-01T00:00:00Z');
const granted: HandshakeOutcome = { kind: 'granted', by: 'options', allowedRate: 60 };
const refused: HandshakeOutcome = { kind: 'refused', detail: 'no' };
const unsupported: HandshakeOutcome = { kind: 'unsupported', detail: '405' };
const unreachable: HandshakeOutcome = { kind: 'unreachable', detail: 'refused' };

const after = (outcome: HandshakeOutcome, mode: HandshakeMode, tries = 0) => {
  const { handshake, handshakeAt } = handshakeColumns(outcome, { mode, now, tries });
  return [handshake?.status, openState(handshake, mode).stateReason, handshakeAt !== null];
};

test.each([
  ['optional', granted, 'granted', null, false],
  ['optional', refused, 'refused', 'handshake-refused', false],
  ['optional', unsupported, 'unsupported', null, false],
  ['optional', unreachable, 'pending', null, true],
  ['required', granted, 'granted', null, false],
  ['required', refused, 'refused', 'handshake-refused', false],
  ['required', unsupported, 'pending', 'handshake-pending', true],
  ['required', unreachable, 'pending', 'handshake-pending', true],
  ['off', unreachable, 'unsupported', null, false],
  ['off', refused, 'refused', null, false],
] as const)('%s: %o is %s, holds by %s, is asked again: %s', (mode, outcome, status, reason, isAskedAgain) => {
  expect(after(outcome, mode)).toEqual([status, reason, isAskedAgain]);
});

test('who does not answer is asked after 2, 4, 8 … seconds, and at last every ten minutes', () => {
  const waits = [0, 1, 2, 30].map((tries) => {
    const { handshakeAt } = handshakeColumns(unreachable, { mode: 'optional', now, tries });
    return (handshakeAt?.getTime() ?? 0) - now.getTime();
  });
  expect(waits).toEqual([2_000, 4_000, 8_000, 600_000]);
});

test('a URL that nobody was asked about is sent to', () => {
  expect(holdReason(null, 'required')).toBeUndefined();
});

test('what was suspended for another reason is not held by the handshake', () => {
  expect(isHeld({ state: 'suspended', stateReason: 'gone' })).toBe(false);
  expect(isHeld({ state: 'paused', stateReason: null })).toBe(false);
  expect(isHeld({ state: 'suspended', stateReason: 'handshake-pending' })).toBe(true);
});

test.each([
  [null, null, null],
  [5, null, 5],
  [null, 120, 2],
  [5, 120, 2],
  [1, 120, 1],
])('of %s events a second asked for and %s a minute allowed, %s a second are sent', (rateLimit, allowedRate, rate) => {
  const outcome: HandshakeOutcome = { kind: 'granted', by: 'options', allowedRate };
  const { handshake } = handshakeColumns(outcome, { mode: 'optional', now, tries: 0 });
  expect(sendingRate({ rateLimit, handshake })).toBe(rate);
});
