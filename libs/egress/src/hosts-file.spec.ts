import { candidateNames, parseHosts, parseResolvConf } from './hosts-file.js';

test('reads names and aliases, ignores comments, nonsense and case', () => {
  const hosts = parseHosts(
    '127.0.0.1\tlocalhost # me\n::1 localhost\n10.0.0.5 Billing billing.shop.\nnot-an-address x\n#10.0.0.6 y',
  );
  expect(Object.fromEntries(hosts)).toEqual({
    localhost: ['127.0.0.1', '::1'],
    billing: ['10.0.0.5'],
    'billing.shop': ['10.0.0.5'],
  });
});

test('reads search domains and ndots', () => {
  const text =
    '# made by kubelet\nnameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local.\noptions ndots:5 timeout:2\n';
  expect(parseResolvConf(text)).toEqual({ search: ['shop.svc.cluster.local', 'svc.cluster.local'], ndots: 5 });
  expect(parseResolvConf('')).toEqual({ search: [], ndots: 1 });
});

test.each([
  ['billing', ['billing.shop.svc', 'billing.svc', 'billing']],
  ['billing.shop', ['billing.shop', 'billing.shop.shop.svc', 'billing.shop.svc']],
  ['hooks.example.com', ['hooks.example.com', 'hooks.example.com.shop.svc', 'hooks.example.com.svc']],
  ['a.b.c.d.e.f', ['a.b.c.d.e.f']],
])('asks for %s in the order %j', (host, names) => {
  expect(candidateNames(host, { search: ['shop.svc', 'svc'], ndots: 5 })).toEqual(names);
});

test('asks for a plain name as it stands where there is no search domain', () => {
  expect(candidateNames('billing', { search: [], ndots: 1 })).toEqual(['billing']);
});
