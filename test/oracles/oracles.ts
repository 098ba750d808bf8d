import https from 'node:https';
import { EventEmitter } from 'node:events';
import { isUtf8 } from 'node:buffer';
import { passes, vendor, type VendorRequest } from './vendor.js';

/** What a sender's own library says about requests of its schemes. */
export interface Oracle {
  /** The package. */
  readonly library: string;
  readonly sender: string;
  readonly schemes: readonly string[];
  verify(request: VendorRequest): boolean | Promise<boolean>;
  /** Requests that the library cannot take at all. */
  canRead?(request: VendorRequest): boolean;
  /** The headers that the library itself would send with a body; absent when it cannot sign. */
  sign?(request: VendorRequest, now: Date): Record<string, string> | Promise<Record<string, string>>;
}

interface Octokit {
  verify(secret: string, body: string, signature: string): Promise<boolean>;
  sign(secret: string, body: string): Promise<string>;
}

const octokit = await vendor<Octokit>('@octokit/webhooks-methods');
const github: Oracle = {
  library: '@octokit/webhooks-methods',
  sender: 'github',
  schemes: ['github-sha256'],
  canRead: ({ raw }) => isUtf8(raw.body),
  verify: async ({ secret, body, headers }) => {
    const signature = headers['x-hub-signature-256'];
    return signature !== undefined && octokit.verify(secret, body, signature);
  },
  sign: async ({ secret, body }) => ({ 'X-Hub-Signature-256': await octokit.sign(secret, body) }),
};

interface Stripe {
  webhooks: {
    signature: { verifyHeader(body: Buffer, header: string, secret: string, toleranceSeconds: number): boolean };
    generateTestHeaderString(options: { payload: string; secret: string; timestamp: number }): string;
  };
}

const { default: stripeLibrary } = await vendor<{ default: Stripe }>('stripe');
const stripe: Oracle = {
  library: 'stripe',
  sender: 'stripe',
  schemes: ['stripe'],
  verify: async ({ raw, secret, headers }) =>
    passes(() =>
      stripeLibrary.webhooks.signature.verifyHeader(raw.body, headers['stripe-signature'] ?? '', secret, 300),
    ),
  sign: ({ body, secret }, now) => ({
    'Stripe-Signature': stripeLibrary.webhooks.generateTestHeaderString({
      payload: body,
      secret,
      timestamp: Math.floor(now.getTime() / 1000),
    }),
  }),
};

interface Bolt {
  isValidSlackRequest(options: {
    signingSecret: string;
    body: string;
    headers: { 'x-slack-signature': string; 'x-slack-request-timestamp': number };
  }): boolean;
}

const bolt = await vendor<Bolt>('@slack/bolt');
const slack: Oracle = {
  library: '@slack/bolt',
  sender: 'slack',
  schemes: ['slack'],
  verify: (request) =>
    bolt.isValidSlackRequest({
      signingSecret: request.secret,
      body: request.body,
      headers: {
        'x-slack-signature': request.header('x-slack-signature'),
        'x-slack-request-timestamp': Number(request.headers['x-slack-request-timestamp']),
      },
    }),
};

interface Twilio {
  validateRequest(token: string, signature: string, url: string, form: object): boolean;
  validateRequestWithBody(token: string, signature: string, url: string, body: string): boolean;
  getExpectedTwilioSignature(token: string, url: string, form: object): string;
}

const { default: twilioLibrary } = await vendor<{ default: Twilio }>('twilio');
const twilio: Oracle = {
  library: 'twilio',
  sender: 'twilio',
  schemes: ['twilio'],
  verify: async (request) => {
    const { secret, raw, body, form } = request;
    const url = urlAsSent(request);
    const signature = request.header('x-twilio-signature');
    if (new URL(raw.url).searchParams.has('bodySHA256'))
      return passes(() => twilioLibrary.validateRequestWithBody(secret, signature, url, body));
    return twilioLibrary.validateRequest(secret, signature, url, form);
  },
  sign: (request) => ({
    'Content-Type': 'application/x-www-form-urlencoded',
    'X-Twilio-Signature': twilioLibrary.getExpectedTwilioSignature(request.secret, request.url, request.form),
  }),
};

/** The callback URL with the query that was received, which Twilio adds to. */
const urlAsSent = ({ url, raw }: VendorRequest): string => {
  const query = raw.url.indexOf('?');
  return query < 0 ? url : `${url.split('?', 1)[0]}${raw.url.slice(query)}`;
};

interface EventWebhook {
  convertPublicKeyToECDSA(key: string): object;
  verifySignature(key: object, body: Buffer, signature: string, timestamp: string): boolean;
}

const { EventWebhook } = await vendor<{ EventWebhook: new () => EventWebhook }>('@sendgrid/eventwebhook');
const eventWebhook = new EventWebhook();
const sendgrid: Oracle = {
  library: '@sendgrid/eventwebhook',
  sender: 'sendgrid',
  schemes: ['sendgrid'],
  verify: async (request) =>
    passes(() =>
      eventWebhook.verifySignature(
        eventWebhook.convertPublicKeyToECDSA(request.publicKey),
        request.raw.body,
        request.header('x-twilio-email-event-webhook-signature'),
        request.header('x-twilio-email-event-webhook-timestamp'),
      ),
    ),
};

interface SvixWebhook {
  verify(body: string, headers: Record<string, string>): unknown;
  sign(id: string, at: Date, body: string): string;
}

const { Webhook } = await vendor<{ Webhook: new (secret: string) => SvixWebhook }>('svix');
const svixStyle = (sender: string, scheme: string, prefix: string): Oracle => ({
  library: 'svix',
  sender,
  schemes: [scheme],
  canRead: ({ secret }) => secret !== '',
  verify: async ({ secret, body, headers }) => passes(() => new Webhook(secret).verify(body, headers)),
  sign: ({ secret, body }, now) => ({
    [`${prefix}-id`]: 'msg_1',
    [`${prefix}-timestamp`]: String(Math.floor(now.getTime() / 1000)),
    [`${prefix}-signature`]: new Webhook(secret).sign('msg_1', now, body),
  }),
});

interface DiscordInteractions {
  verifyKey(body: Buffer, signature: string, timestamp: string, key: string): Promise<boolean>;
}

const interactions = await vendor<DiscordInteractions>('discord-interactions');
const discord: Oracle = {
  library: 'discord-interactions',
  sender: 'discord',
  schemes: ['discord'],
  verify: async (request) =>
    interactions.verifyKey(
      request.raw.body,
      request.header('x-signature-ed25519'),
      request.header('x-signature-timestamp'),
      request.publicKey,
    ),
};

interface Square {
  WebhooksHelper: {
    verifySignature(options: {
      requestBody: string;
      signatureHeader: string;
      signatureKey: string;
      notificationUrl: string;
    }): Promise<boolean>;
  };
}

const { WebhooksHelper } = await vendor<Square>('square');
const square: Oracle = {
  library: 'square',
  sender: 'square',
  schemes: ['square'],
  verify: async (request) =>
    WebhooksHelper.verifySignature({
      requestBody: request.body,
      signatureHeader: request.header('x-square-hmacsha256-signature'),
      signatureKey: request.secret,
      notificationUrl: request.url,
    }),
};

interface AdyenItem {
  additionalData?: { hmacSignature?: string };
}
interface AdyenNotification {
  notificationItems?: { NotificationRequestItem: AdyenItem }[];
}
interface HmacValidator {
  validateHMAC(item: AdyenItem, key: string): boolean;
  validateHMACSignature(key: string, signature: string, body: string): boolean;
  calculateHmac(data: string, key: string): string;
}

const adyenLibrary = await vendor<{ hmacValidator: new () => HmacValidator }>('@adyen/api-library');
const hmacValidator = new adyenLibrary.hmacValidator();
const adyenPayments: Oracle = {
  library: '@adyen/api-library',
  sender: 'adyen',
  schemes: ['adyen-payments'],
  verify: async ({ body, secret }) => {
    const { notificationItems = [] } = JSON.parse(body) as AdyenNotification;
    const verdicts = notificationItems.map(async ({ NotificationRequestItem: item }) =>
      passes(() => hmacValidator.validateHMAC(item, secret)),
    );
    return notificationItems.length > 0 && (await Promise.all(verdicts)).every(Boolean);
  },
};
const adyenPlatform: Oracle = {
  library: '@adyen/api-library',
  sender: 'adyen',
  schemes: ['adyen-platform'],
  verify: (request) =>
    hmacValidator.validateHMACSignature(request.secret, request.header('hmacsignature'), request.body),
  sign: ({ body, secret }) => ({ Protocol: 'HmacSHA256', HmacSignature: hmacValidator.calculateHmac(body, secret) }),
};

interface PusherWebhook {
  isValid(): boolean;
}
interface PusherClient {
  webhook(request: { headers: Record<string, string>; rawBody: string }): PusherWebhook;
}
interface PusherConstructor {
  new (options: { appId: string; key: string; secret: string; cluster: string }): PusherClient;
  Token: new (key: string, secret: string) => { sign(text: string): string };
}

const { default: Pusher } = await vendor<{ default: PusherConstructor }>('pusher');
const pusherKey = ({ source }: VendorRequest): string => source.params?.['key'] ?? '';
const pusher: Oracle = {
  library: 'pusher',
  sender: 'pusher',
  schemes: ['pusher'],
  verify: async (request) => {
    const client = new Pusher({ appId: '1', cluster: 'eu', key: pusherKey(request), secret: request.secret });
    const headers = { ...request.headers, 'content-type': 'application/json' };
    return passes(() => client.webhook({ headers, rawBody: request.body }).isValid());
  },
  sign: (request) => ({
    'X-Pusher-Key': pusherKey(request),
    'X-Pusher-Signature': new Pusher.Token(pusherKey(request), request.secret).sign(request.body),
  }),
};

interface SnsValidator {
  validate(body: string, done: (error: Error | null) => void): void;
}

const { default: MessageValidator } = await vendor<{ default: new () => SnsValidator }>('sns-validator');
const sns: Oracle = {
  library: 'sns-validator',
  sender: 'aws-sns',
  schemes: ['aws-sns'],
  verify: async ({ body, source }) => {
    const download = vi.spyOn(https, 'get').mockImplementation(certificateServer((url) => source.certificate?.(url)));
    try {
      return await new Promise<boolean>((resolve) =>
        new MessageValidator().validate(body, (error) => resolve(error === null)),
      );
    } finally {
      download.mockRestore();
    }
  },
};

/** Stands in for AWS, which has the certificate that the library downloads. */
function certificateServer(certificate: (url: string) => string | undefined): typeof https.get {
  const get = (url: string, answer: (response: EventEmitter) => void) => {
    const response = Object.assign(new EventEmitter(), { statusCode: 200 });
    setImmediate(() => {
      answer(response);
      response.emit('data', Buffer.from(certificate(url) ?? ''));
      response.emit('end');
    });
    return new EventEmitter();
  };
  return get as unknown as typeof https.get;
}

interface ShopifyApi {
  webhooks: {
    validate(options: {
      rawBody: string;
      rawRequest: { method: string; url: string; headers: Record<string, string> };
      rawResponse: object;
    }): Promise<{ valid: boolean; reason?: string }>;
  };
}
interface ShopifyLibrary {
  shopifyApi: (options: object) => ShopifyApi;
}

await vendor('@shopify/shopify-api/adapters/node');
const { shopifyApi } = await vendor<ShopifyLibrary>('@shopify/shopify-api');
const shopify: Oracle = {
  library: '@shopify/shopify-api',
  sender: 'shopify',
  schemes: ['shopify'],
  verify: async ({ body, secret, headers, raw }) => {
    const api = shopifyApi({
      apiKey: 'key',
      apiSecretKey: secret,
      apiVersion: '2026-01',
      hostName: 'shop.example',
      isEmbeddedApp: false,
      logger: { log: () => undefined },
    });
    const rawRequest = { method: 'POST', url: raw.url, headers };
    const { valid, reason } = await api.webhooks.validate({ rawBody: body, rawRequest, rawResponse: {} });
    // Asked only after the signature: the headers that describe the shop, which the vectors do not all carry.
    return valid || reason === 'missing_headers';
  },
};

interface LinearWebhooks {
  LinearWebhookClient: new (secret: string) => { verify(body: Buffer, signature: string): boolean };
}

const { LinearWebhookClient } = await vendor<LinearWebhooks>('@linear/sdk/webhooks');
const linear: Oracle = {
  library: '@linear/sdk',
  sender: 'linear',
  schemes: ['linear'],
  verify: async ({ raw, secret, headers }) =>
    passes(() => new LinearWebhookClient(secret).verify(raw.body, headers['linear-signature'] ?? '')),
};

interface HubSpot {
  Signature: {
    isValid(options: HubSpotOptions): boolean;
    getSignature(method: string, version: string, options: Omit<HubSpotOptions, 'signature'>): string;
  };
}
interface HubSpotOptions {
  method: string;
  signatureVersion: string;
  signature: string;
  clientSecret: string;
  requestBody: string;
  url: string;
  timestamp?: number;
}

const { Signature } = await vendor<HubSpot>('@hubspot/api-client');
const hubspotVersion = (version: 'v1' | 'v2' | 'v3'): Oracle => {
  const header = version === 'v3' ? 'X-HubSpot-Signature-v3' : 'X-HubSpot-Signature';
  const optionsOf = (request: VendorRequest, timestamp: string) => ({
    method: request.raw.method,
    signatureVersion: version,
    clientSecret: request.secret,
    requestBody: request.body,
    url: urlAsSent(request),
    ...(timestamp !== '' && { timestamp: Number(timestamp) }),
  });
  return {
    library: '@hubspot/api-client',
    sender: 'hubspot',
    schemes: [`hubspot-${version}`],
    verify: async (request) => {
      const signature = request.header(header);
      const options = optionsOf(request, request.header('x-hubspot-request-timestamp'));
      return passes(() => Signature.isValid({ ...options, signature }));
    },
    sign: (request, now) => ({
      ...(version === 'v3' && { 'X-HubSpot-Request-Timestamp': String(now.getTime()) }),
      [header]: Signature.getSignature(request.raw.method, version, optionsOf(request, String(now.getTime()))),
    }),
  };
};

export const oracles: readonly Oracle[] = [
  github,
  stripe,
  slack,
  twilio,
  sendgrid,
  svixStyle('svix', 'svix', 'svix'),
  svixStyle('standard-webhooks', 'standard-webhooks', 'webhook'),
  svixStyle('gitlab', 'gitlab-signing-token', 'webhook'),
  discord,
  square,
  adyenPayments,
  adyenPlatform,
  pusher,
  sns,
  shopify,
  linear,
  hubspotVersion('v1'),
  hubspotVersion('v2'),
  hubspotVersion('v3'),
];
