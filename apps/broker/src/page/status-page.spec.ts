import { statusPage } from './status-page.js';

test('the page loads nothing from elsewhere and runs no scripts', () => {
  const page = statusPage({
    state: { kind: 'ready', clockSkewMs: 0 },
    version: '1.2.3',
    publicUrl: 'http://127.0.0.1:8080',
  });
  expect(page).not.toMatch(/<script|style=|\son\w+=|src=|href="(?!\/)/);
  expect(page).toContain('1.2.3');
});

test('what it shows is text, not markup', () => {
  const page = statusPage({ state: { kind: 'not-ready', reason: '<b>&"' }, version: '1', publicUrl: 'http://x/<i>' });
  expect(page).toContain('&#60;b&#62;&#38;&#34;');
  expect(page).not.toContain('<i>');
});
