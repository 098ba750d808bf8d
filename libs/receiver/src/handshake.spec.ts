import { answerHandshake } from './handshake.js';

const asked = { 'webhook-request-origin': 'broker.test', 'webhook-request-rate': '120' };

test('any origin is allowed by default, at any rate', () => {
  expect(answerHandshake(asked)).toEqual({
    status: 200,
    headers: { allow: 'POST, OPTIONS', 'webhook-allowed-origin': 'broker.test', 'webhook-allowed-rate': '*' },
    body: '',
  });
});

test('a list of origins and a rate are kept to', () => {
  const options = { allowedOrigins: ['broker.test'], allowedRate: 60 };
  expect(answerHandshake(asked, options).headers).toMatchObject({ 'webhook-allowed-rate': '60' });
  const stranger = answerHandshake({ 'webhook-request-origin': 'evil.test' }, options);
  expect(stranger).toEqual({
    status: 403,
    headers: { allow: 'POST, OPTIONS', 'webhook-allowed-origin': 'null' },
    body: '',
  });
});

test('OPTIONS without the question only tells the methods', () => {
  expect(answerHandshake({})).toEqual({ status: 204, headers: { allow: 'POST, OPTIONS' }, body: '' });
});
