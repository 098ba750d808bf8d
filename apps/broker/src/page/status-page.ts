import { escapeHtml, htmlPage } from './html.js';
import type { ReadinessState } from '../health/readiness.js';

interface PageFacts {
  state: ReadinessState;
  version: string;
  publicUrl: string;
  /** Said above the login form. */
  notice?: string;
}

/** The page at `/`: self-contained, without scripts, with a form to log in. */
export function statusPage({ state, version, publicUrl, notice = '' }: PageFacts): string {
  const url = escapeHtml(publicUrl);
  const status = state.kind === 'ready' ? 'ready' : `not ready: ${escapeHtml(state.reason)}`;
  return htmlPage(`<h1>Hookcast</h1>
<p>Version ${escapeHtml(version)}, <strong class="${state.kind}">${status}</strong></p>
<form method="post" action="/session">
<p><strong>${escapeHtml(notice)}</strong></p>
<label>API key <input type="password" name="key" required autocomplete="current-password"></label> <button>Log in</button>
</form>
<p>Publish an event and every subscribed service gets it, signed, by HTTP POST.</p>
<pre>curl -X PUT ${url}/v1/subscriptions/hello -H "authorization: Bearer $KEY" \\
  -H "content-type: application/json" \\
  -d '{"topics": ["hello.*"], "url": "http://127.0.0.1:3000/hooks"}'

curl -X POST ${url}/v1/topics/hello.world/events -H "authorization: Bearer $KEY" \\
  -H "content-type: application/json" -d '{"hello": "world"}'</pre>
<ul>
<li><a href="/docs">API documentation</a> and <a href="/openapi.json">OpenAPI document</a></li>
<li><a href="/health/live">/health/live</a> and <a href="/health/ready">/health/ready</a></li>
<li><a href="/.well-known/hookcast-keys.json">Public signing keys</a></li>
</ul>
<p>The API needs a key: the start-up log names the file that holds the first one.</p>`);
}
