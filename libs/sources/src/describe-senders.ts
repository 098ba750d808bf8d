import {
  needsPublicKey,
  needsSecret,
  signsUrl,
  type Scheme,
  type SignatureForm,
  type SignatureScheme,
  type SignedPart,
  type TimestampRule,
  type TokenScheme,
} from './scheme.js';
import { type Sender } from './sender.js';
import { senderTable } from './sender-table.js';
import { paramRules } from './validate-source.js';
import { methodsOf } from './style.js';

/** What one scheme of a sender checks, and what a source has to configure for it. */
export interface SchemeInfo {
  readonly name: string;
  readonly describes: string;
  readonly needs: {
    readonly secret: boolean;
    readonly publicKey: boolean;
    /** The broker fetches it from a host of the sender; nothing to configure. */
    readonly certificate: boolean;
    readonly callbackUrl: boolean;
  };
  readonly params: readonly { readonly name: string; readonly required: boolean; readonly describes: string }[];
  /** Whether `sign()` can make requests for tests. */
  readonly canSign: boolean;
}

export interface SenderInfo {
  readonly name: string;
  readonly title: string;
  readonly documentation: string;
  /** The first is the default. */
  readonly schemes: readonly SchemeInfo[];
  readonly methods: readonly string[];
  readonly handshakes: readonly string[];
  /** Seconds the sender waits for an answer, where it says so. */
  readonly answerWithin?: number;
  readonly retries: string;
  /** Where delivery ids come from. */
  readonly dedupe: 'id' | 'composite' | 'hash';
  /** How long delivery ids are to be remembered. */
  readonly dedupeDays: number;
  /** Whether one request may carry several events. */
  readonly batch: boolean;
}

const defaultDedupeDays = 7;

/** Every sender style, in the order of the table, with what a source of it needs. */
export function senders(): SenderInfo[] {
  return senderTable.map(describeSender);
}

function describeSender(sender: Sender): SenderInfo {
  const handshakes = [...(sender.unsigned ?? []), ...(sender.verified ?? [])].map(({ describes }) => describes);
  const { name, title, documentation, retries, answerWithin, event } = sender;
  return {
    name,
    title,
    documentation,
    schemes: Object.entries(sender.schemes).map(([schemeName, scheme]) => describe(sender, schemeName, scheme)),
    methods: methodsOf(sender),
    handshakes: [...new Set(handshakes)],
    ...(answerWithin !== undefined && { answerWithin }),
    retries,
    dedupe: event.id ? 'id' : event.composite ? 'composite' : 'hash',
    dedupeDays: sender.dedupeDays ?? defaultDedupeDays,
    batch: sender.batch !== undefined || sender.split !== undefined,
  };
}

function describe(sender: Sender, schemeName: string, scheme: Scheme): SchemeInfo {
  const rules = paramRules(sender, { scheme, schemeName });
  return {
    name: schemeName,
    describes: describeScheme(sender, scheme),
    needs: {
      secret: needsSecret(scheme),
      publicKey: needsPublicKey(scheme),
      certificate: scheme.kind === 'code' && scheme.needs.includes('certificate'),
      callbackUrl: signsUrl(scheme),
    },
    params: [...rules].map(([name, { required = false, describes }]) => ({ name, required, describes })),
    canSign: scheme.kind === 'token' || (scheme.kind === 'code' ? scheme.sign !== undefined : needsSecret(scheme)),
  };
}

function describeScheme(sender: Sender, scheme: Scheme): string {
  switch (scheme.kind) {
    case 'code':
      return scheme.describes;
    case 'token':
      return describeToken(scheme);
    case 'signature':
      return sender.configure ? 'as the settings say' : describeSignature(scheme);
  }
}

function describeToken({ from, name }: TokenScheme): string {
  switch (from) {
    case 'header':
      return `\`${name}\` equals the secret`;
    case 'query':
      return `the query parameter \`${name}\` equals the secret`;
    case 'basic':
      return 'basic authentication equals the secret `user:password`';
    case 'bearer':
      return `the bearer token, or else the query parameter \`${name}\`, equals the secret`;
    case 'body':
      return `the field \`${name}\` of the body equals the secret`;
  }
}

function describeSignature(scheme: SignatureScheme): string {
  const header = [...(scheme.families ?? [''])]
    .map((family) => `\`${scheme.header.replace('*', family)}\``)
    .join(' or ');
  const forms = scheme.forms.map(describeForm).join(', or ');
  const parts = scheme.signed.map(describePart).join(' + ');
  const several = scheme.separator === undefined ? '' : ', several allowed';
  return `${header}: ${forms}${several}, over ${parts}${describeTimestamp(scheme.timestamp)}`;
}

const algorithmNames = {
  'hmac-sha1': 'HMAC-SHA1',
  'hmac-sha256': 'HMAC-SHA256',
  'hmac-sha384': 'HMAC-SHA384',
  'hmac-sha512': 'HMAC-SHA512',
  sha256: 'plain SHA-256',
  ed25519: 'Ed25519',
  'ecdsa-p256-sha256': 'ECDSA P-256 SHA-256',
};
const keyNotes = {
  text: '',
  hex: ' (key in hex)',
  base64: ' (key in base64)',
  whsec: ' (key `whsec_` + base64)',
  spki: '',
  'ed25519-hex': '',
  whpk: ' (key `whpk_` + base64)',
};

function describeForm(form: SignatureForm): string {
  const prefix = form.prefix === '' ? '' : `\`${form.prefix}\` and `;
  return `${prefix}${form.encoding} ${algorithmNames[form.algorithm]}${keyNotes[form.key]}`;
}

function describePart(part: SignedPart): string {
  if (typeof part === 'object') return 'text' in part ? `\`${part.text}\`` : `\`${part.header}\``;
  const names = {
    body: 'body',
    method: 'method',
    secret: 'secret',
    timestamp: 'timestamp',
    url: 'callback URL',
    'url-with-query': 'callback URL with the received query',
  };
  return names[part];
}

function describeTimestamp(rule: TimestampRule | undefined): string {
  if (rule === undefined) return '';
  const { from } = rule;
  const place = 'header' in from ? from.header : 'field' in from ? `${from.field}=` : `${from.json} of the body`;
  const tolerance = rule.toleranceSeconds === undefined ? 'any age' : `${rule.toleranceSeconds} s both ways`;
  return `; timestamp \`${place}\`, ${tolerance}`;
}
