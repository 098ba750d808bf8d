import { paceOf } from './operation-pace.js';

test.each([
  [{ pace: null, rate: 200, slowedBy: null }, 399, { pace: 200, slowedBy: null }],
  [
    { pace: null, rate: 200, slowedBy: null },
    400,
    { pace: 200, slowedBy: '400 deliveries are not settled, as many as may be under way' },
  ],
  [
    { pace: 34.3046, rate: 100, slowedBy: 'live deliveries waited' },
    200,
    { pace: 34.3, slowedBy: 'live deliveries waited' },
  ],
  [{ pace: null, rate: null, slowedBy: null }, 0, { pace: null, slowedBy: null }],
])('%j with %i waiting is shown as %j', (operation, waiting, shown) => {
  expect(paceOf(operation, waiting)).toEqual(shown);
});
