import { strayCode } from '../support/guide-code.js';
import { movedShop } from '../support/moved-shop.js';

const example = (name: string) => new URL(`../../examples/migrations/src/bullmq/${name}.ts`, import.meta.url);

test('the code of the guide is that of the programs', () => {
  const guide = new URL('../../docs/migration/from-bullmq.md', import.meta.url);
  expect(strayCode(guide, { before: [example('before')], after: [example('after'), example('delayed')] })).toEqual([]);
});

describe('the program after the move', () => {
  const moved = movedShop('migrations/dist/bullmq/after');

  const place = async (orderId: string, { total = 1, remindAt = '2026-11-24T12:00:00Z' } = {}) => {
    const { status } = await fetch(moved.shop.url, {
      method: 'POST',
      body: JSON.stringify({ orderId, total, remindAt }),
    });
    expect(status).toBe(202);
  };
  const times = (line: string) => moved.shop.printed().split(`${line}\n`).length - 1;

  test('one publish reaches what were two queues, and a repeated one neither', async () => {
    await place('a');
    await moved.shop.prints('billed a');
    await moved.shop.prints('thanked for a');
    await place('a');
    await place('b');
    await moved.shop.prints('billed b');
    expect([times('billed a'), times('thanked for a'), moved.bank.requests.length]).toEqual([1, 1, 2]);
  });

  test('a delayed event comes when it is due', async () => {
    const due = Date.now() + 1_500;
    await place('c', { remindAt: new Date(due).toISOString() });
    await moved.shop.prints('reminded of c');
    expect(Date.now()).toBeGreaterThanOrEqual(due);
  });

  test('a handler that throws is called again on the schedule', async () => {
    moved.bank.answer(503);
    await place('d');
    await moved.shop.prints('billed d');
    expect(moved.shop.printed()).toContain('the bank answered 503');
  });

  test('what cannot be mended is given up at once, and told of', async () => {
    await place('e', { total: -1 });
    await moved.shop.prints('gave up on e: verdict');
  });
});
