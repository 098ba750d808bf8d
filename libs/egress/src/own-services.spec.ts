import { OwnServices } from './own-services.js';

const at = (bytes: number[], port: number | undefined) => ({ network: { bytes, prefix: bytes.length * 8 }, port });

test('resolves names, keeps literals, and remembers the last addresses of a name that stops resolving', async () => {
  let now = 0;
  let answer: string[] | undefined = ['10.0.0.5', 'fd12::5'];
  const resolver = { resolve: async () => answer ?? Promise.reject(new Error('gone')) };
  const own = new OwnServices([{ host: 'DB', port: 5432 }, { host: '[::1]' }], resolver, () => now);
  const ipv6 = (first: number[], last: number) => [...first, ...Array<number>(15 - first.length).fill(0), last];
  const first = [at([10, 0, 0, 5], 5432), at(ipv6([0xfd, 0x12], 5), 5432), at(ipv6([], 1), undefined)];
  expect(await own.addresses()).toEqual(first);

  answer = undefined;
  now = 10_001;
  await own.addresses();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await own.addresses()).toEqual(first);

  answer = ['10.0.0.6'];
  now = 20_002;
  await own.addresses();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await own.addresses()).toEqual([at([10, 0, 0, 6], 5432), first[2]]);
});

test('a name that never resolved forbids its port rather than nothing', async () => {
  const resolver = { resolve: async () => Promise.reject(new Error('gone')) };
  expect(await new OwnServices([{ host: 'db', port: 5432 }], resolver).addresses()).toEqual([
    { network: undefined, port: 5432 },
  ]);
});
