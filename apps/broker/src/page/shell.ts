import type { Session } from '../auth/sessions.js';
import { escapeHtml, htmlPage, type PageFiles } from './html.js';

interface ShellFacts {
  session: Session;
  version: string;
  /** Undefined where the dashboard was not built. */
  files: PageFiles | undefined;
}

const notBuilt = `<main>
<h1>The page has not been built</h1>
<p>The API works without it. To build it: <code>npm run build -w apps/dashboard</code>, then load this page again.</p>
<p><a href="docs">API documentation</a></p>
</main>`;

/**
 * What somebody who is logged in gets: who that is, the way out, and the place where the dashboard puts itself. The
 * proof that changes have to come back with stands in the form; no other site can read it.
 */
export function shell({ session, version, files }: ShellFacts): string {
  const { principal, csrfToken } = session;
  const header = `<header>
<a class="brand" href="#/">Hookcast</a>
<form method="post" action="session/end">
<input type="hidden" name="csrf" value="${escapeHtml(csrfToken)}">
<span>Logged in with the key <strong>${escapeHtml(principal.name)}</strong></span> <button>Log out</button>
</form>
</header>`;
  if (!files) return htmlPage(`${header}\n${notBuilt}`, { styles: ['page.css'], scripts: [] });
  const scopes = scopesOf(principal.grants).join(' ');
  const facts = `data-version="${escapeHtml(version)}" data-namespace="${escapeHtml(principal.namespace)}" data-scopes="${escapeHtml(scopes)}"`;
  const place = `<div id="app" ${facts}><noscript><p>This page needs scripts. <a href="docs">The API</a> does not.</p></noscript></div>`;
  return htmlPage(`${header}\n${place}`, files);
}

function scopesOf({ admin, read, publish, subscribe }: Session['principal']['grants']): string[] {
  const plain = [admin && 'admin', read && 'read'].filter((scope) => scope !== false);
  return [...plain, ...publish.map((one) => `publish:${one}`), ...subscribe.map((one) => `subscribe:${one}`)];
}
