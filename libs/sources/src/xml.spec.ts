import { child, childrenOf, parseXml } from './xml.js';

test('reads elements by local name, with entities, CDATA and comments', () => {
  const root = parseXml(
    '<?xml version="1.0"?>\n<s:a xmlns:s="u" x=\'>\'><!-- <b>no</b> --><s:b>1 &lt;&#65;&#x42;</s:b><b/><c><![CDATA[<&]]></c></s:a>\n',
  );
  expect(root?.name).toBe('a');
  expect(childrenOf(root, 'b').map(({ text }) => text)).toEqual(['1 <AB', '']);
  expect(child(root, 'b')).toBeUndefined();
  expect(child(root, 'c')?.text).toBe('<&');
});

test.each([
  '',
  'text',
  '<a>',
  '<a></b>',
  '<a/><b/>',
  '<a/>text',
  '</a>',
  '<a b></a>',
  '<a b=1/>',
  '<a>&unknown;</a>',
  '<a>& b</a>',
  '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
  '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
  '<?xml-stylesheet href="x"?><a/>',
  '<a>'.repeat(100) + '</a>'.repeat(100),
])('refuses what is malformed, and every document type: %s', (text) => {
  expect(parseXml(text)).toBeUndefined();
});
