import type { HookFailure, HookRequest, HookResponse } from './hook-exchange.js';

/** An Authorization value that has to be fetched first. */
export interface HookAccess {
  /** At once while a token is at hand. Never rejects. */
  authorization(timeoutMs: number): Promise<AccessResult> | AccessResult;
  /** The hook does not take this value any more: another one has to be fetched. */
  refused(value: string): void;
}

export type AccessResult = { readonly kind: 'granted'; readonly value: string } | AccessDenied;

export interface AccessDenied {
  readonly kind: 'denied';
  /** May be shown to the owner of the hook. */
  readonly detail: string;
  readonly log: string;
}

/**
 * Sends a request with the value that `access` has. One that the hook answers with 401 is sent once more with a fresh
 * value; all of it within the request's `timeoutMs`.
 */
export async function postWithAccess(
  post: (request: HookRequest) => Promise<HookResponse>,
  { access, ...request }: HookRequest & { access: HookAccess },
): Promise<HookResponse> {
  const began = performance.now();
  const left = () => Math.max(1, Math.round(request.timeoutMs - (performance.now() - began)));
  const first = await access.authorization(left());
  if (first.kind === 'denied') return denied(first, began);
  const response = await post(authorized(request, first.value, left()));
  if (response.kind === 'failed' || response.status !== 401) return timed(response, began);
  access.refused(first.value);
  const second = await access.authorization(left());
  // The same again, or none at all: the hook's own answer says most.
  if (second.kind === 'denied' || second.value === first.value) return timed(response, began);
  return timed(await post(authorized(request, second.value, left())), began);
}

function authorized(request: HookRequest, authorization: string, timeoutMs: number): HookRequest {
  return { ...request, headers: { ...request.headers, authorization }, timeoutMs };
}

function denied({ detail, log }: AccessDenied, began: number): HookFailure {
  const flags = { requestSent: false, answerStarted: false, reusedSocket: false };
  return { kind: 'failed', error: 'token', detail, log, durationMs: performance.now() - began, ...flags };
}

function timed(response: HookResponse, began: number): HookResponse {
  return { ...response, durationMs: performance.now() - began };
}
