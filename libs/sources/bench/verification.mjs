/**
 * Verifying a 10 KB GitHub payload against the bare HMAC over it, in one process: npm run build && node libs/sources/bench/verification.mjs
 * Rounds alternate and the best of each counts, so that a busy machine does not decide. Fails above 1.3.
 */
import { createHmac } from 'node:crypto';
import { receive, sign, verify } from '../dist/index.js';

const limit = 1.3;
const rounds = 60;
const callsPerRound = 400;

const now = new Date();
const source = { sender: 'github', secrets: ["It's a Secret to Everybody"] };
const items = Array.from({ length: 165 }, (_, id) => ({ id, name: `item ${id}`, url: `https://example.org/${id}` }));
const text = JSON.stringify({ action: 'opened', repository: { full_name: 'own/repo' }, items });
const body = Buffer.from(`${text.slice(0, -1).padEnd(10_239, ' ')}}`);
const headers = {
  Host: 'hooks.example.org',
  'User-Agent': 'GitHub-Hookshot/abc',
  Accept: '*/*',
  'Content-Type': 'application/json',
  'X-GitHub-Delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
  'X-GitHub-Event': 'issues',
  'X-GitHub-Hook-ID': '292430182',
  'X-GitHub-Hook-Installation-Target-ID': '79929171',
  'X-GitHub-Hook-Installation-Target-Type': 'repository',
  'X-Hub-Signature': 'sha1=7d38cdd689735b008b3c702edd92eea23791c5f6',
};
const request = sign({ body, headers }, source, now);
if (verify(request, source, now) !== undefined) throw new Error('The request does not verify.');

const contenders = {
  'bare HMAC': () => createHmac('sha256', source.secrets[0]).update(body).digest(),
  verify: () => verify(request, source, now),
  receive: () => receive(request, source, now),
};
const best = Object.fromEntries(Object.keys(contenders).map((name) => [name, Infinity]));

function microseconds(call) {
  const start = performance.now();
  for (let i = 0; i < callsPerRound; i++) call();
  return ((performance.now() - start) / callsPerRound) * 1000;
}

for (let round = 0; round < rounds; round++) {
  for (const [name, call] of Object.entries(contenders)) best[name] = Math.min(best[name], microseconds(call));
}
const ratio = best.verify / best['bare HMAC'];
for (const [name, value] of Object.entries(best))
  console.log(`${name}: ${value.toFixed(2)} µs for ${body.length} bytes`);
console.log(`verify costs ${ratio.toFixed(2)} times the bare HMAC (at most ${limit})`);
process.exitCode = ratio > limit ? 1 : 0;
