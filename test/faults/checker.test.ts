import { check, type Attempted, type Delivery } from './checker.js';

const event = (id: string, more: Partial<Attempted> = {}): Attempted => ({
  id,
  sha: `sha of ${id}`,
  isAcknowledged: true,
  ...more,
});
const delivery = (id: string, seq: number, more: Partial<Delivery> = {}): Delivery => ({
  id,
  sha: `sha of ${id}`,
  verified: true,
  began: seq * 100,
  at: seq * 100 + 50,
  position: `1:${seq}`,
  status: 204,
  ...more,
});
const published = ['a', 'b', 'c'].map((id) => event(id, { key: 'k' }));
const all = [delivery('a', 1), delivery('b', 2), delivery('c', 3)];
const faultless = {
  attempted: 3,
  acknowledged: 3,
  delivered: 3,
  duplicated: 0,
  doubled: [],
  resent: [],
  recovered: 0,
  lost: [],
  unexpected: [],
  corrupted: [],
  unverified: [],
  disordered: [],
};

describe('the checker of the fault tests', () => {
  test('finds nothing where nothing is wrong', () => {
    expect(check(published, all)).toEqual(faultless);
  });

  test('sees a loss, and that a request which the hook refused is none of its deliveries', () => {
    const refused = [delivery('a', 1), delivery('b', 2), delivery('c', 3, { status: 500 })];
    expect(check(published, refused)).toEqual({ ...faultless, delivered: 2, lost: ['c'] });
    expect(check(published, all.slice(1))).toMatchObject({ lost: ['a'] });
  });

  test('takes a dead letter for no loss', () => {
    expect(check(published, all.slice(1), { accounted: new Set(['a']) })).toMatchObject({ lost: [] });
  });

  test('sees what nobody published', () => {
    expect(check(published, [...all, delivery('d', 4)])).toMatchObject({ unexpected: ['d'] });
  });

  test('counts duplicates, but no retries of what was refused', () => {
    const twice = [delivery('a', 1, { status: 500 }), ...all, delivery('b', 2), delivery('b', 2)];
    expect(check(published, twice)).toEqual({ ...faultless, duplicated: 2 });
  });

  test('excuses a duplicate for each answer that was not heard, of that event only', () => {
    const twice = [...all, delivery('b', 2), delivery('c', 3)];
    expect(check(published, twice, { unheard: ['1:2'] })).toMatchObject({ duplicated: 1 });
    expect(check(published, [...twice, delivery('b', 2)], { unheard: ['1:2'] })).toMatchObject({ duplicated: 2 });
    expect(check(published, twice, { unheard: ['1:1', '1:2', '1:3', '1:3'] })).toMatchObject({ duplicated: 0 });
  });

  test('sees a duplicate of what nothing had happened to', () => {
    const again = (at: number) => [...all, delivery('b', 2, { began: at, at: at + 50 })];
    const died = (from: number, until: number) => ({ harmed: [{ from, until }] });
    expect(check(published, again(900), died(200, 300))).toMatchObject({ duplicated: 1, doubled: [] });
    // It was answered long before, was sent again before anything happened, or was begun by another who was not harmed.
    expect(check(published, again(900), died(300, 400))).toMatchObject({ duplicated: 1, doubled: ['1:2'] });
    expect(check(published, again(260), died(300, 400))).toMatchObject({ doubled: ['1:2'] });
    expect(check(published, again(900), died(100, 150))).toMatchObject({ doubled: ['1:2'] });
    expect(check(published, again(900), { harmed: [] })).toMatchObject({ doubled: ['1:2'] });
    expect(check(published, again(900), { harmed: [], unheard: ['1:2'] })).toMatchObject({ doubled: [] });
    // One death explains one duplicate, not the next.
    const thrice = [...again(900), delivery('b', 2, { began: 1_200, at: 1_250 })];
    expect(check(published, thrice, died(200, 300))).toMatchObject({ duplicated: 2, doubled: ['1:2'] });
  });

  test('tells a duplicate of what was under way from one of what was settled', () => {
    const settled = new Map([['1:2', 1_000]]);
    const inTime = [...all, delivery('b', 2, { began: 1_000 }), delivery('a', 1, { began: 2_000 })];
    expect(check(published, inTime, { settled })).toMatchObject({ duplicated: 2, resent: [] });
    const tooLate = [...all, delivery('b', 2, { began: 1_001, status: 500 })];
    expect(check(published, tooLate, { settled })).toMatchObject({ duplicated: 0, resent: ['1:2'] });
  });

  test('expects of an unknown outcome neither that it is there nor that it is not', () => {
    const unknown = [...published, event('d', { isAcknowledged: false })];
    expect(check(unknown, all)).toEqual({ ...faultless, attempted: 4 });
    expect(check(unknown, [...all, delivery('d', 4)])).toMatchObject({ recovered: 1, lost: [], unexpected: [] });
  });

  test('sees changed bytes and signatures that do not verify, even in a request that the hook refused', () => {
    const changed = [...all, delivery('b', 2, { sha: 'other', status: 500 })];
    expect(check(published, changed)).toMatchObject({ corrupted: ['b'] });
    expect(check(published, [...all, delivery('c', 3, { verified: 'no match' })])).toMatchObject({ unverified: ['c'] });
  });

  test('sees disorder within a key, and none between keys, streams or in what is sent again', () => {
    const [a, b, c] = all as [Delivery, Delivery, Delivery];
    expect(check(published, [a, c, b])).toMatchObject({ disordered: ['b'] });
    expect(check(published, [a, b, a, b, c])).toMatchObject({ disordered: [] });
    const otherKey = published.map((each) => (each.id === 'c' ? { ...each, key: 'other' } : each));
    expect(check(otherKey, [c, a, b])).toMatchObject({ disordered: [] });
    expect(check(published, [{ ...c, position: '2:9' }, a, b])).toMatchObject({ disordered: [] });
  });

  test('sees disorder when an event is sent while an earlier one of its key still fails', () => {
    const [a, b, c] = all as [Delivery, Delivery, Delivery];
    const refused = (one: Delivery): Delivery => ({ ...one, status: 500 });
    expect(check(published, [refused(a), b, a, c])).toMatchObject({ disordered: ['b'] });
    expect(check(published, [refused(a), refused(b), a, b, c])).toMatchObject({ disordered: ['b'] });
    expect(check(published, [refused(b), a, b, c])).toMatchObject({ disordered: ['a'] });
    expect(check(published, [refused(a), refused(a), a, refused(b), b, c])).toMatchObject({ disordered: [] });
    // After a crash they come once more, in order, whatever the hook says then.
    expect(check(published, [a, refused(b), refused(a), a, b, c])).toMatchObject({ disordered: [] });
    expect(check(published, [refused(a), b, c], { accounted: new Set(['a']) })).toMatchObject({ disordered: [] });
  });
});
