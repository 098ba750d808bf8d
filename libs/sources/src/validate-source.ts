import { publicKeyOf, secretBytes } from './keys.js';
import { type SourceConfig } from './reception.js';
import {
  isPublicKeyForm,
  needsPublicKey,
  needsSecret,
  signsUrl,
  type PublicKeyAlgorithm,
  type Scheme,
  type SignatureForm,
  type SignatureScheme,
} from './scheme.js';
import { type ParamRule, type Sender } from './sender.js';
import { senderNamed } from './sender-table.js';
import { styleOf, type Style } from './style.js';

/** One thing wrong with a configuration; `pointer` is a JSON pointer into the `SourceConfig`. */
export interface SourceProblem {
  readonly pointer: string;
  readonly detail: string;
}

/** Secrets that senders print in their documentation: whoever reads it could sign with them. */
const publishedSecrets = new Set(['test-webhook', 'dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==']);

/** Everything that is wrong with a source's configuration; empty when requests can be verified with it. */
export function validateSource(source: SourceConfig): SourceProblem[] {
  const sender = senderNamed(source.sender);
  if (sender === undefined) return [{ pointer: '/sender', detail: `There is no sender "${source.sender}".` }];
  const style = styleOf(source);
  if (style === undefined) {
    const names = Object.keys(sender.schemes).join(', ');
    return [{ pointer: '/scheme', detail: `${sender.title} has the schemes ${names}.` }];
  }
  return [
    ...checkSecrets(style.scheme, source),
    ...checkPublicKeys(style.scheme, source),
    ...checkCallbackUrl(style.scheme, source),
    ...checkParams(sender, style, source.params ?? {}),
  ];
}

function checkSecrets(scheme: Scheme, source: SourceConfig): SourceProblem[] {
  if (source.secrets.length === 0) {
    const hasKey = needsPublicKey(scheme) && (source.publicKeys ?? []).length > 0;
    return needsSecret(scheme) && !hasKey ? [{ pointer: '/secrets', detail: missingKeyDetail(scheme) }] : [];
  }
  return source.secrets.flatMap((secret, index) => {
    const detail = secretProblem(scheme, secret);
    return detail === undefined ? [] : [{ pointer: `/secrets/${index}`, detail }];
  });
}

function missingKeyDetail(scheme: Scheme): string {
  const alternative = needsPublicKey(scheme) ? ' or a public key' : '';
  return `A secret${alternative} is required: without one nothing can be verified, so everything would be refused.`;
}

function secretProblem(scheme: Scheme, secret: string): string | undefined {
  if (secret === '') return 'must not be empty';
  if (publishedSecrets.has(secret))
    return 'is published in the documentation of the sender: anybody could sign with it';
  switch (scheme.kind) {
    case 'signature':
      return keyProblem(scheme, secret);
    case 'token':
      return scheme.from === 'basic' && !/^[^:]+:/.test(secret) ? 'must be "user:password"' : undefined;
    case 'code':
      return scheme.secretProblem?.(secret);
  }
}

function keyProblem(scheme: SignatureScheme, secret: string): string | undefined {
  const form = scheme.forms.find((candidate) => !isPublicKeyForm(candidate));
  if (form === undefined || isPublicKeyForm(form) || secretBytes(secret, form.key) !== undefined) return undefined;
  return form.key === 'hex' ? 'must be hexadecimal' : 'must be base64, with or without "whsec_" before it';
}

function checkPublicKeys(scheme: Scheme, source: SourceConfig): SourceProblem[] {
  const keys = source.publicKeys ?? [];
  const forms = scheme.kind === 'signature' ? scheme.forms.filter(isPublicKeyForm) : [];
  if (forms.length === 0) {
    return keys.length === 0 ? [] : [{ pointer: '/publicKeys', detail: 'This scheme has no public keys.' }];
  }
  if (keys.length === 0 && !needsSecret(scheme)) {
    return [{ pointer: '/publicKeys', detail: `The public key of the sender is required: ${formats(forms)}.` }];
  }
  return keys.flatMap((key, index) =>
    forms.some((form) => publicKeyOf(key, form.key) !== undefined)
      ? []
      : [{ pointer: `/publicKeys/${index}`, detail: `must be ${formats(forms)}` }],
  );
}

type PublicKeyForm = Extract<SignatureForm, { algorithm: PublicKeyAlgorithm }>;

function formats(forms: readonly PublicKeyForm[]): string {
  const names = {
    spki: 'a P-256 public key, base64 of its DER form',
    'ed25519-hex': '32 bytes in hexadecimal',
    whpk: '"whpk_" and 32 bytes in base64',
  };
  return forms.map(({ key }) => names[key]).join(' or ');
}

function checkCallbackUrl(scheme: Scheme, source: SourceConfig): SourceProblem[] {
  const url = source.callbackUrl;
  if (url === undefined || url === '') {
    const detail = 'The URL that the sender was given is required, byte for byte: the sender signs it.';
    return signsUrl(scheme) ? [{ pointer: '/callbackUrl', detail }] : [];
  }
  const isWeb = /^https?:\/\//i.test(url) && URL.canParse(url);
  return isWeb ? [] : [{ pointer: '/callbackUrl', detail: 'must be an absolute http or https URL' }];
}

function checkParams(sender: Sender, style: Style, params: Readonly<Record<string, string>>): SourceProblem[] {
  const rules = paramRules(sender, style);
  const unknown = Object.keys(params)
    .filter((name) => !rules.has(name))
    .map((name) => ({ pointer: `/params/${name}`, detail: `${sender.title} has no setting of this name.` }));
  const wrong = [...rules].flatMap(([name, rule]) => {
    const detail = paramProblem(rule, params[name]);
    return detail === undefined ? [] : [{ pointer: `/params/${name}`, detail }];
  });
  const conflict = sender.conflict?.(params, style.schemeName);
  return [
    ...unknown,
    ...wrong,
    ...(conflict ? [{ pointer: `/params/${conflict.param}`, detail: conflict.detail }] : []),
  ];
}

/** The settings that count for a style, the renaming of its token included. */
export function paramRules(sender: Sender, style: Pick<Style, 'scheme' | 'schemeName'>): Map<string, ParamRule> {
  const { scheme, schemeName } = style;
  const rules = new Map(
    Object.entries(sender.params ?? {}).filter(([, { schemes }]) => schemes?.includes(schemeName) ?? true),
  );
  const renaming = scheme.kind === 'token' ? scheme.nameParam : undefined;
  if (renaming !== undefined && !rules.has(renaming)) {
    const place = renaming === 'header' ? 'header' : 'query parameter';
    rules.set(renaming, { describes: `the ${place} that carries the secret` });
  }
  return rules;
}

function paramProblem(rule: ParamRule, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return rule.required === true ? `is required: ${rule.describes}` : undefined;
  return rule.check?.(value);
}
