import type { HookAuth, WantedCredentials } from './subscription-credentials.js';
import { BasicAuthRequest, BearerAuthRequest, OAuth2AuthRequest } from './hook-credentials.dto.js';
import type { PutSubscriptionRequest } from './subscription.dto.js';

/** What a request asks for, as plain objects: absent means none. */
export function wantedCredentials({ auth, tls }: PutSubscriptionRequest): WantedCredentials {
  const { ca, cert, key } = tls ?? {};
  const material = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  return { auth: wantedAuth(auth), tls: Object.keys(material).length === 0 ? null : material };
}

function wantedAuth(auth: PutSubscriptionRequest['auth']): HookAuth | null {
  if (auth instanceof BasicAuthRequest) return { type: 'basic', username: auth.username, password: auth.password };
  if (auth instanceof BearerAuthRequest) return { type: 'bearer', token: auth.token };
  if (!(auth instanceof OAuth2AuthRequest)) return null;
  const { tokenUrl, clientId, clientSecret, scope } = auth;
  return { type: 'oauth2', tokenUrl, clientId, clientSecret, ...(scope != null && { scope }) };
}
