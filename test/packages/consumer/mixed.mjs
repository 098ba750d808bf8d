import { createRequire } from 'node:module';
import { createTestBus } from '@hookcast/publisher/testing';
import * as receiver from '@hookcast/receiver';

/** A program that has loaded both copies: what handlers throw and publish comes from the other one than runs them. */
const load = createRequire(import.meta.url);
const copies = { esm: receiver, cjs: load('@hookcast/receiver') };
const others = { esm: 'cjs', cjs: 'esm' };
const buses = { esm: createTestBus(), cjs: load('@hookcast/publisher/testing').createTestBus() };

const results = {};
for (const [name, { createReceiver }] of Object.entries(copies)) {
  const other = copies[others[name]];
  const bus = buses[others[name]];
  const thrown = { drop: new other.Drop(), dead: new other.DeadLetter(), again: new other.RetryAfter(60) };
  const failures = [];
  const hook = createReceiver({
    secrets: [bus.secret],
    onError: (error) => failures.push(error.message),
    on: {
      'verdicts.*': ({ how }) => {
        if (how === 'fails') throw new Error('no verdict');
        throw thrown[how];
      },
      'hops.*': async () => void (await bus.publish('hops', {})),
    },
  });
  const deliver = async (topic, how) => (await bus.deliver(hook, topic, { how })).verdict;
  const verdicts = {};
  for (const how of ['drop', 'dead', 'again', 'fails']) verdicts[how] = await deliver('verdicts.thrown', how);
  await deliver('hops.one');
  const hops = bus.published('hops').map(({ event }) => event.extensions);
  results[name] = { isOther: other.Drop !== copies[name].Drop, verdicts, failures, hops };
}
console.log(JSON.stringify(results));
