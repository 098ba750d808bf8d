import { failureOf, failureWords, RequestFailed } from './failure.js';

const failure = { code: 'x', detail: 'This needs the scope "admin".', errors: [] };

test('every failure says what happened and what to do', () => {
  expect(failureWords({ ...failure, status: 403 })).toEqual({
    title: 'Your key may not do this',
    advice: 'This needs the scope "admin". Log in with a key that has it, or ask an admin for one.',
  });
  expect(failureWords({ ...failure, status: 401 }).title).toBe('Your session is over');
  expect(failureWords({ ...failure, status: 503 }).advice).toContain('tried again by itself');
  const errors = [{ pointer: '/to', detail: 'must be a time' }];
  expect(failureWords({ ...failure, status: 422, errors }).advice).toBe('to must be a time');
});

test('no answer is a failure of its own', () => {
  expect(failureWords(failureOf(new TypeError('Failed to fetch'))).title).toBe('The broker does not answer');
  expect(failureOf(new RequestFailed({ ...failure, status: 404 }))).toMatchObject({ status: 404 });
});
