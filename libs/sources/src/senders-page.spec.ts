import { readFileSync } from 'node:fs';
import { senders } from './describe-senders.js';
import { sendersPage } from './senders-page.js';

test('docs/senders.md is what the table says', () => {
  const page = readFileSync(new URL('../../../docs/senders.md', import.meta.url), 'utf8');
  // When this differs: npm run build && node scripts/senders-page.mjs
  expect(page).toBe(sendersPage());
});

test('every scheme of every sender says what it checks and needs', () => {
  const schemes = senders().flatMap((sender) => sender.schemes.map((scheme) => ({ sender: sender.name, ...scheme })));
  const silent = schemes.filter(({ describes, needs }) => {
    const { secret, publicKey, certificate } = needs;
    return describes === '' || !(secret || publicKey || certificate);
  });
  expect(silent).toEqual([]);
});
