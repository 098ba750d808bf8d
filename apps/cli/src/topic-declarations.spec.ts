import { fileURLToPath } from 'node:url';
import { declarationsOf } from './topic-declarations.js';

const topic = (name: string, schema: Record<string, unknown> = { type: 'string' }) => ({ name, schema });

test('the order of the topics does not matter', async () => {
  const [one, other] = [topic('orders.created'), topic('orders-created', { type: 'number' })];
  expect(await declarationsOf([one, other])).toBe(await declarationsOf([other, one]));
});

test('what a schema points at outside of itself is not read', async () => {
  const here = fileURLToPath(new URL('../package.json', import.meta.url));
  const text = declarationsOf([topic('orders.created', { $ref: `file://${here}` })]);
  await expect(text).rejects.toThrow(/^The schema of orders\.created has no type: /);
});
