/** Uses every subpath that needs no other package, through what one kind of import gave, and tells what came of it. */
exports.round = async ({ publisher, outbox, testing, receiver, inbox, senders }) => {
  const bus = testing.createTestBus();
  const once = inbox.createMemoryInbox();
  const handled = [];
  const hook = receiver.createReceiver({
    secrets: [bus.secret],
    on: {
      'orders.*': async ({ orderId }, context) => {
        if (orderId === 'none') throw new receiver.Drop();
        await once.once(undefined, context, async () => handled.push(orderId));
      },
    },
  });
  const deliver = async (orderId) => (await bus.deliver(hook, 'orders.created', { orderId }, { id: orderId })).verdict;
  const verdicts = [await deliver('a'), await deliver('a'), await deliver('none')];

  const away = publisher.createPublisher({ url: 'http://127.0.0.1:9', apiKey: 'k', maxAttempts: 1 });
  const error = await away.publish('orders.created', {}).catch((reason) => reason);
  await away.close();

  const settings = { secrets: ['a secret'] };
  const request = senders.sign(
    { body: '{}', headers: { 'x-github-event': 'push' } },
    { sender: 'github', ...settings },
    new Date(),
  );
  const { items } = await senders.verifyFrom('github', request, settings);

  return {
    verdicts,
    handled,
    error: error instanceof publisher.PublishError && error.reason,
    github: items.map(({ eventType }) => eventType),
    tables: [outbox.outboxTableSql(), inbox.inboxTableSql()].map(
      (sql) => /create table if not exists "(\w+)"/.exec(sql)?.[1],
    ),
  };
};
