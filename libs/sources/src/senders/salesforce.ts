import { sameSecret } from '../encoding.js';
import { type Part } from '../extract.js';
import { type Inbound } from '../inbound.js';
import { refused, type Refusal, type SourceConfig, type SourceResponse } from '../reception.js';
import { type CodeScheme } from '../scheme.js';
import { type Sender } from '../sender.js';
import { child, childrenOf, parseXml, type XmlElement } from '../xml.js';

/** An organisation's id has 15 characters, or 18 with a check for systems that fold case. */
const significant = 15;

const scheme: CodeScheme = {
  kind: 'code',
  needs: ['secrets'],
  describes:
    '`OrganizationId` in the SOAP body equals the secret (first 15 characters): an identifier rather than a secret, so the ' +
    'unguessable URL counts as well',
  secretProblem: (secret) =>
    /^[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?$/.test(secret)
      ? undefined
      : 'must be the 15 or 18 characters of an OrganizationId',
  verify: (request, source) => {
    const reason = check(request, source);
    return reason && refused(reason);
  },
  sign: (request) => request,
};

export const salesforce: Sender = {
  name: 'salesforce',
  title: 'Salesforce outbound messages',
  documentation: 'https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging.htm',
  schemes: { 'salesforce-orgid': scheme },
  split,
  event: {
    type: ({ request }) => textOf(child(notificationsOf(request), 'ActionId')),
    id: ({ request, index }) => textOf(child(childrenOf(notificationsOf(request), 'Notification')[index], 'Id')),
    subject: ({ request }) => textOf(child(notificationsOf(request), 'OrganizationId')),
  },
  response: () => acknowledgement,
  answerWithin: 60,
  retries: 'queued for 24 h, at most 2 h apart, out of order',
};

const acknowledgement: SourceResponse = {
  status: 200,
  headers: { 'content-type': 'text/xml; charset=utf-8' },
  body:
    '<?xml version="1.0" encoding="UTF-8"?>' +
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>' +
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>' +
    '</soapenv:Body></soapenv:Envelope>',
};

function check(request: Inbound, source: SourceConfig): Refusal | undefined {
  const secrets = source.secrets.filter((secret) => secret.length >= significant);
  if (secrets.length === 0) return 'no-secret';
  const notifications = notificationsOf(request);
  if (notifications === undefined) return 'malformed-body';
  const organization = textOf(child(notifications, 'OrganizationId')) ?? '';
  if (![significant, significant + 3].includes(organization.length)) return 'missing-signature';
  const given = organization.slice(0, significant);
  const matching = secrets.filter((secret) => sameSecret(secret.slice(0, significant), given));
  return matching.length > 0 ? undefined : 'signature-mismatch';
}

const parsed = new WeakMap<Inbound, XmlElement | undefined>();

function notificationsOf(request: Inbound): XmlElement | undefined {
  if (!parsed.has(request)) {
    const envelope = parseXml(request.body.toString('utf8'));
    parsed.set(request, envelope?.name === 'Envelope' ? child(child(envelope, 'Body'), 'notifications') : undefined);
  }
  return parsed.get(request);
}

/** One part per notification. The envelope stays behind: its SessionId is a credential. */
function split(request: Inbound): Part[] | undefined {
  const document = request.body.toString('utf8');
  const notifications = notificationsOf(request);
  const found = childrenOf(notifications, 'Notification');
  if (found.length === 0) return undefined;
  const namespaces = namespacesOf(parseXml(document), notifications);
  return found.map((notification, index) => ({
    request,
    value: undefined,
    data: Buffer.from(standalone(document, notification, namespaces)),
    contentType: 'text/xml; charset=utf-8',
    index,
  }));
}

type Namespaces = ReadonlyMap<string, string>;

/** The namespace declarations in force inside `notifications`, by their attribute's name. */
function namespacesOf(envelope: XmlElement | undefined, notifications: XmlElement | undefined): Namespaces {
  const declared = new Map<string, string>();
  for (const element of [envelope, child(envelope, 'Body'), notifications]) {
    for (const [whole, name] of (element?.attributes ?? '').matchAll(
      /(xmlns(?::[\w.-]+)?)\s*=\s*(?:"[^"]*"|'[^']*')/g,
    )) {
      if (name !== undefined) declared.set(name, whole);
    }
  }
  return declared;
}

/** The element as sent, plus the namespaces it used to inherit: a document of its own. */
function standalone(document: string, element: XmlElement, namespaces: Namespaces): string {
  const missing = [...namespaces].filter(([name]) => !new RegExp(`\\s${name}\\s*=`).test(element.attributes));
  const declarations = missing.map(([, declaration]) => ` ${declaration}`).join('');
  return document.slice(element.start, element.nameEnd) + declarations + document.slice(element.nameEnd, element.end);
}

function textOf(element: XmlElement | undefined): string | undefined {
  const text = element?.text.trim() ?? '';
  return text === '' ? undefined : text;
}
