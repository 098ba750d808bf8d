import { sign, type SourceConfig } from '@hookcast/sources';
import { verifyingSecret } from './secret-health.js';

const now = new Date('2026-01-01T00:00:00Z');
const base64 = (fill: number) => `whsec_${Buffer.alloc(32, fill).toString('base64')}`;

test.each<[string, Pick<SourceConfig, 'sender' | 'params'>, string[]]>([
  ['text secrets', { sender: 'github' }, ['first secret', 'second secret', 'third secret']],
  ['base64 secrets', { sender: 'svix' }, [base64(1), base64(2), base64(3)]],
  ['a token', { sender: 'gitlab' }, ['first token', 'second token', 'third token']],
  ['key ids that go by place', { sender: 'pusher', params: { key: 'k1,k2,k3' } }, ['one', 'two', 'three']],
])('the secret that verified a request is found among %s', (_, config, secrets) => {
  for (const [index, secret] of secrets.entries()) {
    const key = config.params?.['key']?.split(',')[index];
    const signer = { ...config, secrets: [secret], ...(key !== undefined && { params: { key } }) };
    const request = sign({ body: '{"a":1}' }, signer, now);
    expect(verifyingSecret(request, { ...config, secrets }, now)).toBe(index);
  }
});

test('one secret needs no search, and none is none', () => {
  const request = sign({ body: '{}' }, { sender: 'github', secrets: ['s'] }, now);
  expect(verifyingSecret(request, { sender: 'github', secrets: ['s'] }, now)).toBe(0);
  expect(verifyingSecret(request, { sender: 'discord', secrets: [] }, now)).toBeUndefined();
  expect(verifyingSecret(request, { sender: 'github', secrets: ['a', 'b'] }, now)).toBeUndefined();
});
