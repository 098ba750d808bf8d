import { withoutQueryValues } from './shown-url.js';

test.each([
  ['https://hooks.test/in', 'https://hooks.test/in'],
  ['https://hooks.test/in?token=s3cret', 'https://hooks.test/in?token=[redacted]'],
  ['https://hooks.test/in?a=1&b=&c==2', 'https://hooks.test/in?a=[redacted]&b=[redacted]&c=[redacted]'],
  ['https://hooks.test/in?s3cret', 'https://hooks.test/in?[redacted]'],
  ['https://hooks.test/in?a=1?b=2', 'https://hooks.test/in?a=[redacted]'],
  ['https://hooks.test/in?', 'https://hooks.test/in?[redacted]'],
])('%s is shown as %s', (url, shown) => {
  expect(withoutQueryValues(url)).toBe(shown);
});
