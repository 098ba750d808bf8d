import type { Subscription } from '@hookcast/database';
import type { Declaration } from '../subscriptions/subscription-declarations.js';
import { foreignNames, planOf } from './service-plan.js';

const stored = (name: string, service: string | null) => ({ name, service }) as Subscription;
const declared = (name: string) => ({ name }) as Declaration;

test('a plan creates, updates, keeps and removes', () => {
  const all = [stored('kept', 'billing'), stored('changed', 'billing'), stored('old', 'billing'), stored('free', null)];
  const wanted = ['kept', 'changed', 'new', 'free'].map(declared);
  expect(planOf('billing', wanted, all, (one) => one.name === 'kept')).toEqual({
    created: ['new'],
    updated: ['changed', 'free'],
    unchanged: ['kept'],
    removed: ['old'],
  });
});

test('declaring nothing removes everything of the service, and nothing else', () => {
  const all = [stored('mine', 'billing'), stored('free', null)];
  expect(planOf('billing', [], all, () => true)).toMatchObject({ removed: ['mine'] });
});

test('names of another service are foreign, free ones are not', () => {
  const all = [stored('theirs', 'email'), stored('mine', 'billing'), stored('free', null)];
  expect(foreignNames('billing', ['theirs', 'mine', 'free'].map(declared), all)).toEqual(['theirs']);
});
