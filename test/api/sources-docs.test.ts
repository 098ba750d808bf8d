import { readFileSync } from 'node:fs';
import { testBroker } from '../support/app.js';

const page = readFileSync(new URL('../../docs/sources.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/curl -X PUT \$HOOKCAST(\S+)[^']*'[^']*' -d '([^']*)'/g)].map(
  ([, path = '', body = '']) => ({ path, body: JSON.parse(body) as object }),
);

test('every source and subscription that docs/sources.md puts is accepted', async () => {
  expect(examples.length).toBeGreaterThanOrEqual(6);
  const broker = await testBroker({ settings: { HOOKCAST_EGRESS_ALLOW: '*.internal,10.0.0.0/8' } });
  try {
    for (const { path, body } of examples) {
      const put = await broker.call('PUT', path, body);
      expect([path, put.status, put.text]).toEqual([path, 201, expect.any(String)]);
    }
  } finally {
    await broker.close();
  }
});
