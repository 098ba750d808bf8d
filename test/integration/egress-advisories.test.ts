import { gzipSync } from 'node:zlib';
import { HookClient, checkUrl, parseEgressAllow, type HookClientOptions, type HookResponse } from '@hookcast/egress';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { trapSockets, type SocketTrap } from '../support/socket-trap.js';

/*
 * One test for each published weakness of a webhook sender or of the libraries such senders use, named after it. The
 * trap stops every connect that is not to loopback, so "no socket" means that nothing was even tried.
 */
let trap: SocketTrap;
let hooks: HookServer;
let port: string;
const clients: HookClient[] = [];

beforeEach(async () => {
  hooks = await hookServer();
  port = new URL(hooks.url).port;
  trap = trapSockets();
});
afterEach(async () => {
  trap.release();
  await Promise.all(clients.splice(0).map(async (one) => one.destroy()));
  await hooks.close();
});

function client(
  allow: string[] = [],
  answers: Record<string, string[][]> = {},
  options: Partial<HookClientOptions> = {},
) {
  const turns = new Map<string, number>();
  const resolver = {
    resolve: async (host: string) => {
      const turn = turns.get(host) ?? 0;
      turns.set(host, turn + 1);
      const script = answers[host] ?? [[]];
      return script[Math.min(turn, script.length - 1)] ?? [];
    },
  };
  const created = new HookClient({ policy: { allow }, resolver, ...options });
  clients.push(created);
  return created;
}

const post = async (from: HookClient, url: string, headers: Record<string, string> = {}): Promise<HookResponse> =>
  from.post({ url, headers, body: Buffer.from('x'), timeoutMs: 1000 });

async function expectNoSocket(from: HookClient, urls: string[]): Promise<void> {
  for (const url of urls)
    expect([url, await post(from, url)]).toMatchObject([url, { kind: 'failed', error: 'blocked' }]);
  expect(trap.targets).toEqual([]);
}

test.each(['CVE-2021-22175', 'CVE-2021-22214', 'CVE-2021-39935'])(
  '%s (GitLab): hooks into one internal network open no other address',
  async () => {
    await expectNoSocket(client(['10.20.0.0/16']), [
      'http://127.0.0.1/',
      'http://10.21.0.1/',
      'http://192.168.0.1/',
      'http://169.254.169.254/',
      'http://[::1]/',
    ]);
  },
);

test('CVE-2025-6454 (GitLab): a line break in a custom header name or value is never sent', async () => {
  const from = client(['127.0.0.0/8']);
  for (const headers of [{ 'x\r\nHost': 'evil' }, { 'x: y\r\n\r\nGET / HTTP/1.1\r\nz': '' }, { 'x-a': 'b\r\nc: d' }])
    expect(await post(from, hooks.url, headers as Record<string, string>)).toMatchObject({
      kind: 'failed',
      error: 'other',
    });
  expect(hooks.requests).toEqual([]);
});

test.each(['CVE-2022-0870', 'GHSA-w689-557m-2cvq', 'CVE-2026-89430'])(
  '%s (Gogs, Gitea): a name that was good when it was registered is judged again at delivery',
  async () => {
    const from = client([], { 'hook.example': [['93.184.215.14'], ['127.0.0.1']] });
    expect(await from.check(`http://hook.example:${port}/`)).toMatchObject({ kind: 'ok' });
    await expectNoSocket(from, [`http://hook.example:${port}/`]);
  },
);

test.each(['GHSA-c4v7-xg93-qf8g', 'CVE-2026-105636'])('%s (Gogs, Plane): a redirect is not followed', async () => {
  const from = client(['127.0.0.0/8']);
  for (const status of [301, 302, 303, 307, 308]) {
    hooks.answer({ status, headers: { location: 'http://169.254.169.254/latest/meta-data/' } });
    expect(await post(from, hooks.url)).toMatchObject({ kind: 'answered', status });
  }
  expect(new Set(trap.targets)).toEqual(new Set([`127.0.0.1:${port}`]));
});

test.each(['CVE-2018-15192', 'CVE-2026-22874'])(
  '%s (Gitea): the allow list is complete in both directions',
  async () => {
    const from = client(['*.hooks.test', '10.0.0.0/8:8080'], {
      'a.hooks.test': [['127.0.0.1']],
      'hooks.test': [['127.0.0.1']],
      'a.hooks.test.example': [['127.0.0.1']],
      'xhooks.test': [['127.0.0.1']],
    });
    await expectNoSocket(from, [
      `http://hooks.test:${port}/`,
      `http://xhooks.test:${port}/`,
      `http://a.hooks.test.example:${port}/`,
      'http://10.0.0.1:8081/',
      'http://11.0.0.1:6379/',
    ]);
    expect(await post(from, `http://a.hooks.test:${port}/`)).toMatchObject({ kind: 'answered', status: 204 });
  },
);

test.each(['CVE-2026-101029'])('%s (Gitea): one bad answer among several refuses the name', async () => {
  const answer = ['93.184.215.14', '93.184.215.15', '10.0.0.1'];
  const from = client([], {
    'first.example': [answer],
    'last.example': [answer.toReversed()],
    'v6.example': [['93.184.215.14', '::1']],
  });
  await expectNoSocket(from, ['http://first.example/', 'http://last.example/', 'http://v6.example/']);
});

test.each(['CVE-2026-58508', 'CVE-2026-30242', 'CVE-2026-104973', 'CVE-2024-24759'])(
  '%s (Gitea, Plane, MindsDB): a name that is rebound never leads to the second address',
  async () => {
    const from = client([], { 'rebind.example': [['93.184.215.14'], ['127.0.0.1'], ['93.184.215.14'], ['127.0.0.1']] });
    for (let round = 0; round < 10; round += 1) await post(from, `http://rebind.example:${port}/`);
    expect(new Set(trap.targets)).toEqual(new Set([`93.184.215.14:${port}`]));
    expect(hooks.requests).toEqual([]);
  },
);

test.each(['CVE-2026-32096 and its follow-up', 'CVE-2026-33480', 'CVE-2026-54272'])(
  '%s (Plunk, AVideo, ip-address): IPv4 inside IPv6 is unwrapped',
  async () => {
    await expectNoSocket(client(['::/0']), [
      'http://[::ffff:127.0.0.1]/',
      'http://[::ffff:a9fe:a9fe]/',
      'http://[64:ff9b::127.0.0.1]/',
      'http://[64:ff9b::a9fe:a9fe]/',
      'http://[2002:7f00:1::]/',
      'http://[2002:a9fe:a9fe::1]/',
      'http://[2001:0:7f00:1::1]/',
      'http://[2001:0:808:808::80ff:fffe]/',
      'http://[::127.0.0.1]/',
      'http://[::ffff:0:127.0.0.1]/',
    ]);
  },
);

test('CVE-2026-62668 (Grav): no scheme but http and https', async () => {
  const urls = [
    'gopher://127.0.0.1:6379/_x',
    'dict://127.0.0.1:11211/',
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'ldap://127.0.0.1/',
  ];
  await expectNoSocket(client(['127.0.0.0/8']), urls);
});

test('GHSA-r2x7-427f-rq69 (Ech0): a public name for a private address is judged by the address', async () => {
  await expectNoSocket(client([], { '169.254.169.254.nip.io': [['169.254.169.254']] }), [
    'http://169.254.169.254.nip.io/',
  ]);
});

test('CVE-2025-68662 (Discourse): the host that is judged is the host that is called', async () => {
  await expectNoSocket(client(), [
    'http://good.example\\@127.0.0.1/',
    'http://good.example@127.0.0.1/',
    'http://127.0.0.1#@good.example/',
    'http://127.0.0.1%2f@good.example/',
    'http://good.example:80@127.0.0.1/',
    'http://①②⑦.⓪.⓪.①/',
    'http://127.0.0.1\t.good.example/',
  ]);
});

test('CVE-2020-12695 (CallStranger): hooks map no network', async () => {
  const from = client(['127.0.0.0/8']);
  const failures = [];
  for (const target of ['10.0.0.1:80', '10.0.0.1:443', '127.0.0.1:22', '127.0.0.1:5432', '192.168.0.1:8080'])
    failures.push(await post(from, `http://${target}/`));
  expect(new Set(failures.map((failure) => failure.kind === 'failed' && failure.detail)).size).toBe(1);
  expect(trap.targets).toEqual([]);
});

test.each(['CVE-2023-42282', 'CVE-2024-29415', 'CVE-2021-23718'])(
  '%s (ip, ssrf-agent): odd spellings of loopback and private addresses are judged as such',
  async () => {
    const hosts = [
      '127.1',
      '0x7f.1',
      '01200034567',
      '017700000001',
      '0x7f000001',
      '2130706433',
      '[::fFFf:127.0.0.1]',
      '127.0.0.1.',
      '000000177.1',
    ];
    await expectNoSocket(
      client(),
      hosts.map((host) => `http://${host}/`),
    );
  },
);

test('CVE-2026-69192 (ip-address): a leading zero is octal for the judge and for the connector alike', async () => {
  const check = checkUrl('http://010.0.0.1:8080/', { allow: [] });
  expect(check.kind === 'ok' && check.url.hostname).toBe('8.0.0.1');
  await post(client(), 'http://010.0.0.1:8080/');
  expect(trap.targets).toEqual(['8.0.0.1:8080']);
  expect(parseEgressAllow('010.0.0.0/8').kind).toBe('malformed');
});

test('CVE-2026-69198 (ip-address): a /0 behind an address switches nothing off', async () => {
  await expectNoSocket(client([], { 'zero.example': [['127.0.0.1/0']] }), [
    'http://zero.example/',
    'http://127.0.0.1/0',
  ]);
  expect(parseEgressAllow('10.0.0.0/0/8').kind).toBe('malformed');
});

test('CVE-2026-101910 (ip-address): the local NAT64 prefix is not public', async () => {
  await expectNoSocket(client(), ['http://[64:ff9b:1::7f00:1]/', 'http://[64:ff9b:1:ffff::8.8.8.8]/']);
});

test('CVE-2026-101912 (ip-address): a rule of one family matches no address of the other', async () => {
  await expectNoSocket(client(['0.0.0.0/0']), ['http://[::1]/', 'http://[fc00::1]/']);
  await expectNoSocket(client(['::/0']), ['http://127.0.0.1/', 'http://10.0.0.1/', 'http://[::ffff:10.0.0.1]/']);
});

test('GHSA-c2fv-2fmj-9xrx (ssrfcheck): multicast is not public', async () => {
  await expectNoSocket(client(['0.0.0.0/0', '::/0']), [
    'http://224.0.0.1/',
    'http://239.255.255.250:1900/',
    'http://[ff02::1]/',
  ]);
});

test.each(['CVE-2026-77866', 'CVE-2026-77972'])('%s (safeurl): what was judged is what is connected to', async () => {
  const from = client(['127.0.0.0/8'], { 'hook.example': [['127.0.0.1'], ['169.254.169.254']] });
  expect(await post(from, `http://hook.example:${port}/`)).toMatchObject({ kind: 'answered' });
  expect(trap.targets).toEqual([`127.0.0.1:${port}`]);
});

test.each(['CVE-2026-22036', 'CVE-2026-84890'])('%s (undici): no content encoding is ever decoded', async () => {
  const bomb = gzipSync(Buffer.alloc(10 * 1024 * 1024));
  hooks.answer({
    status: 200,
    headers: { 'content-encoding': Array(500).fill('gzip').join(', ') },
    body: bomb.subarray(0, 4096),
  });
  const response = await post(client(['127.0.0.0/8']), hooks.url);
  expect(response.kind === 'answered' && response.body.equals(bomb.subarray(0, 4096))).toBe(true);
});
