import { randomUUID } from 'node:crypto';
import { databaseStores } from '../../libs/delivery/src/delivery-stores.js';
import { shareOut } from '../../libs/delivery/src/ownership/rendezvous.js';
import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
});
afterEach(async () => run.close());

const idsOf = (name: string) => requestsOf(run.hooks, name).map(({ headers }) => headers['webhook-id']);
const publish = async (id: string) => run.publish('orders.created', [{ id }]);

/** A promise and what fulfils it. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

test('a cursor does not begin again with a row that was read before its last settle', async () => {
  const { topicId, streams } = await run.topic('orders.created', 1);
  const streamId = streams[0]?.streamId ?? 0;
  const names = ['first-slow', 'then-slow', 'billing'];
  const [, , billing] = await Promise.all(
    names.map(async (name) => run.subscribe(name, { topics: ['orders.created'] })),
  );
  const [firstSlow, thenSlow] = [gate(), gate()];
  run.hooks.respondWith(async ({ url, headers }) => {
    if (url === '/first-slow' && headers['webhook-id'] === 'a') await firstSlow.opened;
    if (url === '/then-slow' && headers['webhook-id'] === 'b') await thenSlow.opened;
    return 204;
  });
  const stores = databaseStores(run.pool);
  let reads = 0;
  let held = Promise.resolve();
  const adoptCursors: typeof stores.adoptCursors = async (...wanted) => {
    const found = await stores.adoptCursors(...wanted);
    reads += 1;
    await held;
    return found;
  };
  const pair = [randomUUID(), randomUUID()];
  const heir = shareOut([{ streamId, topicId }], pair).get(streamId) ?? '';
  const first = pair.find((each) => each !== heir) ?? '';
  const worker = run.worker({ host: 'a', workerId: first, stores: { ...stores, adoptCursors } });
  const answer = gate();
  const cursorsOf = () => worker.window(billing?.id ?? 0);
  try {
    worker.start();
    await until(() => worker.ownedStreams.length === 1, { what: 'the stream to be owned' });
    await publish('a');
    await until(() => names.every((name) => idsOf(name).length === 1), { what: 'the first event to be sent' });
    const before = reads;
    // The stream is to go to the other one, and one hook is slow: the cursors of the others begin again and go on.
    await run.worker({ host: 'b', workerId: heir }).runOnce();
    await until(() => reads > before && cursorsOf() !== null, { what: 'the cursors to begin again' });

    held = answer.opened;
    const known = reads;
    await run.change('select 1');
    const reload = worker.reload();
    await until(() => reads > known, { what: 'cursors to be read' });
    await publish('b');
    worker.wake(new Map([[streamId, 2]]));
    const settledBy = async () =>
      run.rows('select 1 from cursors where subscription_id = $1 and settled_seq = 2', [billing?.id]);
    await until(async () => (await settledBy()).length === 1, { what: 'the second event to be settled' });
    await until(() => idsOf('then-slow').length === 2, { what: 'the request that is not answered' });
    // It stands still once more, now for the other one, and the cursor ends that has settled what was read before.
    firstSlow.open();
    await until(() => cursorsOf() === null, { what: 'the cursor to end' });
    answer.open();
    await reload;
    await publish('c');
    await until(() => idsOf('billing').includes('c'), { what: 'the third event' });
    expect(idsOf('billing')).toEqual(['a', 'b', 'c']);
  } finally {
    for (const { open } of [firstSlow, thenSlow, answer]) open();
  }
});
