import { linkTo, placeOf } from './place.js';

test('an address leads to where it was made', () => {
  const path = ['subscriptions', 'a/b c?#%'];
  const query = { search: 'x&y', cursor: 'abc=' };
  expect(placeOf(linkTo(path, query))).toEqual({ path, query });
});

test('what is empty is left out, and what is no address is the overview', () => {
  expect(linkTo(['events'], { topic: '', key: undefined })).toBe('#/events');
  expect([placeOf(''), placeOf('#'), placeOf('#/')]).toEqual(
    Array.from({ length: 3 }, () => ({ path: [], query: {} })),
  );
  expect(placeOf('#/%E0%A4%A').path).toEqual(['%E0%A4%A']);
});
