import { statusPage } from './status-page.js';

test('the page loads nothing from elsewhere and runs no script but its own file', () => {
  const page = statusPage({
    state: { kind: 'ready', clockSkewMs: 0 },
    version: '1.2.3',
    isBuilt: true,
    isWrongKey: false,
    publicUrl: 'http://127.0.0.1:8080',
  });
  expect(page).not.toMatch(/<script(?! type="module" src="page\.js"><)|style=|\son\w+=|(?:src|href)="(?!\/|page\.)/);
  expect(page).toContain('1.2.3');
});

test('what it shows is text, not markup', () => {
  const state = { kind: 'not-ready' as const, reason: '<b>&"' };
  const page = statusPage({ state, version: '1', publicUrl: 'http://x/<i>', isBuilt: true, isWrongKey: false });
  expect(page).toContain('&#60;b&#62;&#38;&#34;');
  expect(page).not.toContain('<i>');
});
