interface ProblemKind {
  status: number;
  title: string;
  /** For docs/problems.md: when it happens and what to do. */
  help: string;
}

/** Every refusal of the API: its stable code, its status, its words. docs/problems.md is generated from here. */
export const problems = {
  'request-malformed': {
    status: 400,
    title: 'The request is not valid HTTP or its address cannot be decoded',
    help: 'Check percent signs in the path, Content-Length and header syntax.',
  },
  'body-incomplete': {
    status: 400,
    title: 'The body ended before its announced length',
    help: 'The connection was cut, or Content-Length is larger than what was sent. Nothing was stored.',
  },
  unauthenticated: {
    status: 401,
    title: 'A valid API key is needed',
    help: 'Send `Authorization: Bearer <key>`. The first admin key is in the file that the start-up log names.',
  },
  forbidden: {
    status: 403,
    title: 'This key may not do that',
    help: 'Use a key with the scope that `detail` names.',
  },
  'topic-reserved': {
    status: 403,
    title: 'Only the broker publishes there',
    help: 'Topics that begin with `hookcast.` are for operational events. Publish to a topic of another name.',
  },
  'route-not-found': {
    status: 404,
    title: 'There is nothing at this address',
    help: 'All addresses are listed in `/openapi.json` and `/docs`, which any key opens.',
  },
  'topic-not-found': {
    status: 404,
    title: 'There is no such topic',
    help: 'Create it with `PUT /v1/topics/{name}`; with HOOKCAST_AUTO_CREATE_TOPICS=true the first publish does.',
  },
  'subscription-not-found': {
    status: 404,
    title: 'There is no such subscription',
    help: 'Create it with `PUT /v1/subscriptions/{name}`.',
  },
  'service-not-found': {
    status: 404,
    title: 'There is no such service',
    help: 'A service exists once it has declared its subscriptions with `PUT /v1/services/{service}`. Declare them again.',
  },
  'key-not-found': {
    status: 404,
    title: 'There is no such API key',
    help: 'It was never made or is revoked; `GET /v1/keys` lists the others. The admin key of the operator is not among them.',
  },
  'source-not-found': {
    status: 404,
    title: 'There is no such source',
    help: 'Create it with `PUT /v1/sources/{name}`.',
  },
  'reception-not-found': {
    status: 404,
    title: 'There is no such request in the history of this source',
    help: 'Only the newest few hundred are kept; `GET /v1/sources/{name}/receptions` lists them.',
  },
  'event-not-found': {
    status: 404,
    title: 'There is no such event',
    help: 'It was never published, or its retention is over.',
  },
  'delivery-not-found': {
    status: 404,
    title: 'This subscription has no delivery of that event',
    help: 'The event does not exist, or its topic matches no pattern of the subscription.',
  },
  'dead-letter-not-found': {
    status: 404,
    title: 'There is no such dead letter',
    help: 'It was delivered again or discarded since; `GET /v1/dead-letters` lists the others.',
  },
  'operation-not-found': {
    status: 404,
    title: 'There is no such operation',
    help: 'Finished operations are kept for seven days; `GET /v1/operations` lists the others.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This address does not support that method',
    help: 'The `Allow` header lists the methods that it does support.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    help: 'Send the whole request within HOOKCAST_REQUEST_TIMEOUT_MS.',
  },
  'event-id-conflict': {
    status: 409,
    title: 'An event with this id but other content exists',
    help: 'An id names one event. Use a new id, or publish the same bytes and attributes again. Nothing of the request was stored.',
  },
  'idempotency-key-conflict': {
    status: 409,
    title: 'This Idempotency-Key was used for another request',
    help: 'A key names one request. Use a new key, or repeat exactly what was asked for. Nothing was begun.',
  },
  'reception-without-event': {
    status: 409,
    title: 'This request left no event that could be sent again',
    help: 'It was refused or a handshake, or the retention of its event is over. Ask the sender to send it again.',
  },
  'topic-in-use': {
    status: 409,
    title: 'Subscriptions still name this topic',
    help: 'Delete or change them, or repeat with `?force=true`.',
  },
  'subscription-owned': {
    status: 409,
    title: 'The subscription belongs to another service',
    help: 'Choose another name, or delete the subscription of the other service first.',
  },
  'revision-outdated': {
    status: 409,
    title: 'A newer revision of this service is already declared',
    help: 'An older instance is still running during a deploy; its declaration was ignored.',
  },
  'payload-too-large': {
    status: 413,
    title: 'The body is larger than allowed',
    help: 'Limits: HOOKCAST_MAX_EVENT_BYTES for an event, HOOKCAST_MAX_BATCH_BYTES for a batch, HOOKCAST_MAX_BODY_BYTES elsewhere.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'This content type or encoding is not understood',
    help: 'Send `application/json`; published data may have any content type but no content encoding.',
  },
  'validation-failed': {
    status: 422,
    title: 'The request is well-formed HTTP but its content is not acceptable',
    help: '`errors` lists every fault with a JSON pointer into the body (or the name of a parameter or header). Nothing was stored.',
  },
  'schema-violation': {
    status: 422,
    title: 'The data is not as the schema of the topic says',
    help: '`errors` leads to the first fault of each event. None of the events was stored. `GET /v1/topics/{name}` shows the schema.',
  },
  'hook-address-forbidden': {
    status: 422,
    title: 'The hook URL points to an address that may not be called',
    help: 'Private addresses must be listed in HOOKCAST_EGRESS_ALLOW; link-local and metadata addresses are never called.',
  },
  'handshake-refused': {
    status: 422,
    title: 'The hook does not want to be sent to',
    help: 'It answered the handshake with another origin than that of HOOKCAST_PUBLIC_URL. Allow the origin there, or choose another URL.',
  },
  'too-many-hops': {
    status: 422,
    title: 'This event goes round in a circle',
    help: 'Services publish what they receive to where it comes from. Find the circle with `hookcast-hops` of its deliveries; HOOKCAST_MAX_HOPS is the limit.',
  },
  'websub-refused': {
    status: 422,
    title: 'The WebSub subscription could not be asked for',
    help: '`detail` says why: the topic cannot be fetched or names no hub, or the hub did not accept the request.',
  },
  'over-quota': {
    status: 429,
    title: 'This key makes more requests than its quota allows',
    help: 'Wait for `Retry-After` seconds; `RateLimit` says how many requests are left. Batches count as one request. Quota: HOOKCAST_KEY_REQUESTS_PER_SECOND and HOOKCAST_KEY_BURST, per process.',
  },
  'too-many-failures': {
    status: 429,
    title: 'Too many wrong keys came from this address',
    help: 'Wait for `Retry-After` seconds. Limits: HOOKCAST_FAILED_KEYS_PER_MINUTE for the login form, HOOKCAST_WRONG_KEYS_PER_MINUTE for `Authorization`, where a right key is let in all the same.',
  },
  'too-many-readers': {
    status: 429,
    title: 'Too many long polls and event streams are open',
    help: 'Close some, or raise HOOKCAST_MAX_READERS. `Retry-After` says when to try again.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The request has too many or too large headers',
    help: 'Limits: HOOKCAST_MAX_HEADER_BYTES and HOOKCAST_MAX_HEADERS.',
  },
  'internal-error': {
    status: 500,
    title: 'Something unexpected went wrong',
    help: 'The log has the details under the request id in `instance`.',
  },
  'storage-full': {
    status: 503,
    title: 'There is no room for more events',
    help: 'Deliveries go on. Publish again after `Retry-After` seconds; the operator has to give room: see docs/retention.md.',
  },
  unavailable: {
    status: 503,
    title: 'The database cannot commit at the moment',
    help: 'Try again after `Retry-After` seconds with the same event ids: what was stored already is not stored twice.',
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof problems;

export const problemCodes = Object.keys(problems).filter((code): code is ProblemCode => code in problems);
