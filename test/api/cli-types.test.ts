import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { run } from '../../apps/cli/src/run.js';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';

let broker: TestBroker;
let folder: string;
beforeAll(async () => {
  broker = await testBroker();
  folder = await mkdtemp(join(tmpdir(), 'hookcast-types-'));
});
afterAll(async () => {
  await broker?.close();
  await rm(folder, { recursive: true, force: true });
});

async function types(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
  const [said, complained]: [string[], string[]] = [[], []];
  const code = await run({
    args: ['types', ...args],
    address: { url: broker.url, key: adminKey },
    say: (line) => void said.push(line),
    complain: (line) => void complained.push(line),
    signal: new AbortController().signal,
  });
  return { code, out: said.join('\n'), errors: complained.join('\n') };
}

const define = async (topic: string, schema: object): Promise<void> => {
  expect((await broker.call('PUT', `/v1/topics/${topic}`, { schema })).status).toBeLessThan(300);
};

/** What the compiler says of these files, one line each. */
function faultsOf(...files: string[]): string[] {
  const options = {
    strict: true,
    noEmit: true,
    types: [],
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
  };
  const program = ts.createProgram(files, options);
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const line = file?.getLineAndCharacterOfPosition(start).line ?? -1;
    return `${line + 1} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

test('without a schema there is a file that compiles all the same', async () => {
  const file = join(folder, 'none.ts');
  await types('--out', file);
  expect(faultsOf(file)).toEqual([]);
});

test('the types hold what the schemas hold', async () => {
  const money = {
    type: 'object',
    required: ['amount'],
    properties: { amount: { type: 'integer' } },
    additionalProperties: false,
  };
  await define('orders.created', {
    title: 'An order',
    description: 'Somebody bought something.',
    type: 'object',
    required: ['orderId', 'total'],
    properties: { orderId: { type: 'string' }, total: { $ref: '#/$defs/money' }, channel: { enum: ['web', 'shop'] } },
    $defs: { money },
  });
  // The same names for other things, and a topic whose name makes the same namespace.
  await define('orders-created', {
    type: 'object',
    required: ['money'],
    properties: { money: { $ref: '#/$defs/money' } },
    $defs: { money: { type: 'string' } },
  });
  await define('404.seen', { type: 'array', items: { type: 'number' } });
  const file = join(folder, 'topics.ts');
  const { code, out, errors } = await types('--out', file);
  expect([code, errors]).toEqual([0, '']);
  expect(out).toMatch(/topics\.ts: \d topic\(s\) with a schema\.$/);
  const usage = join(folder, 'usage.ts');
  await writeFile(
    usage,
    `import type { OrdersCreated_2 } from './topics.js';
const fine: HookcastTopics['orders.created'] = { orderId: '7', total: { amount: 1 }, channel: 'web' };
const wrong: HookcastTopics['orders.created'] = { orderId: '7', total: { amount: 'much' } };
const channel: HookcastTopics['orders.created']['channel'] = 'phone';
const other: HookcastTopics['orders-created'] = { money: 'a lot' };
const numbers: HookcastTopics['404.seen'] = [1];
const same: OrdersCreated_2.Data = fine;
export { wrong, channel, other, numbers, same };
`,
  );
  expect(faultsOf(file, usage)).toEqual([
    "3 Type 'string' is not assignable to type 'number'.",
    `4 Type '"phone"' is not assignable to type '"web" | "shop" | undefined'.`,
  ]);
  const text = await readFile(file, 'utf8');
  expect(text).toContain('Somebody bought something.');
  expect((await types()).out).toBe(text.trimEnd());
});
