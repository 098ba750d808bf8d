import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/*
 * libs/egress is the only door: no other part of the broker opens sockets to where a user points. The SDKs run in the
 * users' services, and libs/database talks to Postgres, so both are left out.
 */
const root = fileURLToPath(new URL('../..', import.meta.url));
const folders = ['libs/protocol/src', 'libs/log/src', 'libs/delivery/src', 'libs/sources/src', 'apps/broker/src'];

const ways: [string, RegExp][] = [
  ['undici', /from 'undici'/],
  ['fetch', /(?<![.\w#]|async )fetch\(/],
  ['http(s).request or get', /\bhttps?\.(request|get)\(/],
  ['request or get of node:http(s)', /import \{[^}]*\b(request|get|Agent)\b[^}]*\} from 'node:https?'/],
  [
    'node:http2, node:tls or node:dgram',
    /from 'node:(http2|dgram)'|import (?!\{ rootCertificates \})[^;]* from 'node:tls'/,
  ],
  ['net.connect', /\b(net\.(connect|createConnection)|createConnection|new Socket)\(/],
  ['connect of node:net', /import \{[^}]*\b(?<!type )(connect|createConnection)\b[^}]*\} from 'node:net'/],
  ['WebSocket or EventSource', /new (WebSocket|EventSource)\(/],
];

const files = folders.flatMap((folder) =>
  readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .map((name) => `${folder}/${name}`),
);

test.each(ways)('nothing but libs/egress uses %s', (_name, pattern) => {
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => pattern.test(readFileSync(`${root}/${file}`, 'utf8')))).toEqual([]);
});
