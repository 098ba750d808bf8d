import { escapeHtml, htmlPage } from './html.js';
import type { ReadinessState } from '../health/readiness.js';

interface PageFacts {
  state: ReadinessState;
  version: string;
  publicUrl: string;
  /** Whether there is a dashboard behind the login. */
  isBuilt: boolean;
  isWrongKey: boolean;
}

const files = { styles: ['page.css'], scripts: ['page.js'] };

/** The page at `/` for whoever is not logged in: a form to log in, and how to begin. */
export function statusPage({ state, version, publicUrl, isBuilt, isWrongKey }: PageFacts): string {
  const url = escapeHtml(publicUrl);
  const status = state.kind === 'ready' ? 'ready' : `not ready: ${escapeHtml(state.reason)}`;
  const notices = [
    isWrongKey && 'That key does not work.',
    !isBuilt && 'The dashboard has not been built; npm run build -w apps/dashboard does it.',
  ].filter((notice) => notice !== false);
  return htmlPage(
    `<h1>Hookcast</h1>
<p>Version ${escapeHtml(version)}, <strong class="${state.kind}">${status}</strong></p>
<form method="post" action="session">
${notices.map((notice) => `<p><strong>${notice}</strong></p>\n`).join('')}<input name="username" value="hookcast" autocomplete="username" hidden>
<label>API key <input type="password" name="key" required autocomplete="current-password"></label> <button>Log in</button>
</form>
<p>Publish an event and every subscribed service gets it, signed, by HTTP POST.</p>
<pre>curl -X PUT ${url}/v1/subscriptions/hello -H "authorization: Bearer $KEY" \\
  -H "content-type: application/json" \\
  -d '{"topics": ["hello.*"], "url": "http://127.0.0.1:3000/hooks"}'

curl -X POST ${url}/v1/topics/hello.world/events -H "authorization: Bearer $KEY" \\
  -H "content-type: application/json" -d '{"hello": "world"}'</pre>
<ul>
<li><a href="/docs">API documentation</a> and <a href="/openapi.json">OpenAPI document</a>, once you are logged in</li>
<li><a href="/health/live">/health/live</a> and <a href="/health/ready">/health/ready</a></li>
<li><a href="/.well-known/hookcast-keys.json">Public signing keys</a></li>
</ul>
<p>The API needs a key: the start-up log names the file that holds the first one.</p>`,
    files,
  );
}
