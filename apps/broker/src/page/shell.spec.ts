import { operator } from '../auth/authenticator.js';
import { principalOf } from '../auth/scope.js';
import { shell } from './shell.js';

const files = { scripts: ['assets/main-1.js'], styles: ['assets/main-1.css'] };
const session = { principal: operator, csrfToken: 'proof' };

test('a page that was not built says so, how to build it, and still lets people out', () => {
  const page = shell({ session, version: '1.2.3', files: undefined });
  expect(page).toContain('npm run build -w apps/dashboard');
  expect(page).toContain('name="csrf" value="proof"');
  expect(page).not.toContain('<script');
});

test('what is handed to the dashboard is text in attributes, and the scopes are those of the key', () => {
  const scopes = ['read', 'subscribe:orders.*'];
  const principal = principalOf({ id: 'k', name: '"><i>', namespace: 'acme', scopes });
  const page = shell({ session: { principal, csrfToken: 'proof' }, version: '1.2.3', files });
  expect(page).toContain('data-namespace="acme" data-scopes="read subscribe:orders.*"');
  expect(page).not.toContain('<i>');
  expect(page.match(/<script[^>]*>/g)).toEqual(['<script type="module" src="assets/main-1.js">']);
});
