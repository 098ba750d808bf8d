import { constant, field, firstOf, header, time, type Extract } from '../extract.js';
import { echoQuery } from '../handshakes.js';
import {
  type SecretAlgorithm,
  type SecretFormat,
  type SignatureForm,
  type SignatureScheme,
  type SignedPart,
  type TimestampRule,
} from '../scheme.js';
import { basicAuth, codeQuery, headerToken } from '../schemes.js';
import { type ParamRule, type Sender } from '../sender.js';
import { type TimestampUnit } from '../timestamp.js';

type Params = Readonly<Record<string, string>>;

const algorithms: ReadonlyMap<string, SecretAlgorithm> = new Map([
  ['sha1', 'hmac-sha1'],
  ['sha256', 'hmac-sha256'],
  ['sha384', 'hmac-sha384'],
  ['sha512', 'hmac-sha512'],
]);
const secretFormats: readonly SecretFormat[] = ['text', 'hex', 'base64', 'whsec'];
const units: readonly TimestampUnit[] = ['s', 'ms', 'iso'];
const separators: ReadonlyMap<string, ' ' | ','> = new Map([
  ['space', ' '],
  ['comma', ','],
]);
const placeholder = /\{(body|timestamp|url|method|header:[!#$%&'*+.^_`|~\w-]+)\}/g;

const oneOf = (names: readonly string[]) => (value: string) =>
  names.includes(value) ? undefined : `must be one of ${names.join(', ')}`;
const headerName = (value: string) =>
  /^[!#$%&'*+.^_`|~\w-]+$/.test(value) ? undefined : 'must be the name of a header';
const hmacOnly = { schemes: ['hmac'] } as const;

const params: Readonly<Record<string, ParamRule>> = {
  header: {
    describes: 'the header of the signature (`hmac`) or of the token (`header-token`, default `authorization`)',
    schemes: ['hmac', 'header-token'],
    check: headerName,
  },
  param: { describes: 'the query parameter of the token', schemes: ['code-query'] },
  algorithm: {
    describes: '`sha256` (default), `sha1`, `sha384`, `sha512`',
    ...hmacOnly,
    check: oneOf([...algorithms.keys()]),
  },
  encoding: { describes: '`hex` (default) or `base64`', ...hmacOnly, check: oneOf(['hex', 'base64']) },
  prefix: { describes: 'what stands before the signature, such as `sha256=`', ...hmacOnly },
  separator: {
    describes: '`space` or `comma` when the header may hold several signatures',
    ...hmacOnly,
    check: oneOf([...separators.keys()]),
  },
  secretEncoding: {
    describes: 'how the secret is written: `text` (default), `hex`, `base64`, `whsec`',
    ...hmacOnly,
    check: oneOf(secretFormats),
  },
  template: {
    describes: 'what is signed, `{body}` by default; also `{timestamp}`, `{url}`, `{method}`, `{header:name}`',
    ...hmacOnly,
    check: checkTemplate,
  },
  timestampHeader: { describes: 'the header of `{timestamp}`', ...hmacOnly, check: headerName },
  timestampField: { describes: 'the field of the signed JSON body that holds the time', ...hmacOnly },
  timestampUnit: { describes: '`s` (default), `ms`, `iso`', ...hmacOnly, check: oneOf(units) },
  toleranceSeconds: {
    describes: 'how old or how far ahead a request may be; 300 by default',
    ...hmacOnly,
    check: (value) => (/^[1-9]\d{0,6}$/.test(value) ? undefined : 'must be a whole number of seconds'),
  },
  challengeParameter: { describes: 'answer `GET ?<name>=…` with the value' },
  event: { describes: 'the event type of everything' },
  eventHeader: { describes: 'the header that names the event', check: headerName },
  eventField: { describes: 'the field of the JSON body that names the event; `a/b` for nested ones' },
  idHeader: { describes: 'the header with the delivery id', check: headerName },
  idField: { describes: 'the field of the JSON body with the delivery id' },
  timeField: { describes: 'the field with the time of the event (RFC 3339)' },
  subjectField: { describes: 'the field with the subject' },
  batchField: { describes: 'the field that holds the array of events' },
};

/** A style that is configured instead of coded: the fields of a scheme, given by the owner of the source. */
export const generic: Sender = {
  name: 'generic',
  title: 'Any other sender (configured HMAC or token)',
  documentation: 'https://www.rfc-editor.org/rfc/rfc2104',
  schemes: {
    hmac: schemeOf({}),
    'header-token': headerToken('authorization'),
    'basic-auth': basicAuth,
    'code-query': codeQuery,
  },
  params,
  configure,
  conflict,
  event: { type: constant('event') },
  retries: 'unknown',
};

/** A timestamp counts only when it is signed, and is signed only when it is known where it stands. */
function conflict(settings: Params, schemeName: string) {
  const isSigned = (settings['template'] ?? '').includes('{timestamp}');
  const isNamed = settings['timestampHeader'] !== undefined;
  if (schemeName !== 'hmac' || isSigned === isNamed) return undefined;
  if (isSigned) return { param: 'timestampHeader', detail: 'is required: the template signs {timestamp}' };
  return { param: 'template', detail: 'must contain {timestamp}: an unsigned time can be forged' };
}

function configure(settings: Params): Sender {
  const challenge = settings['challengeParameter'];
  return {
    ...generic,
    schemes: { ...generic.schemes, hmac: schemeOf(settings) },
    ...(challenge !== undefined && { unsigned: [echoQuery(challenge)] }),
    ...(settings['batchField'] !== undefined && { batch: settings['batchField'] }),
    event: {
      type: firstOf(...given(settings, 'event', constant), ...either(settings, 'event'), constant('event')),
      id: firstOf(...either(settings, 'id')),
      time: time(firstOf(...given(settings, 'timeField', field)), 'iso'),
      subject: firstOf(...given(settings, 'subjectField', field)),
    },
  };
}

function schemeOf(settings: Params): SignatureScheme {
  const timestamp = timestampOf(settings);
  const separator = separators.get(settings['separator'] ?? '');
  return {
    kind: 'signature',
    header: (settings['header'] ?? 'x-signature').toLowerCase(),
    forms: [formOf(settings)],
    signed: partsOf(settings['template'] ?? '{body}'),
    ...(separator && { separator }),
    ...(timestamp && { timestamp }),
  };
}

function formOf(settings: Params): SignatureForm {
  return {
    prefix: settings['prefix'] ?? '',
    encoding: settings['encoding'] === 'base64' ? 'base64' : 'hex',
    algorithm: algorithms.get(settings['algorithm'] ?? '') ?? 'hmac-sha256',
    key: secretFormats.find((format) => format === settings['secretEncoding']) ?? 'text',
  };
}

function timestampOf(settings: Params): SignatureScheme['timestamp'] {
  const { timestampHeader, timestampField, timestampUnit, toleranceSeconds } = settings;
  const from = timestampFrom(timestampHeader, timestampField);
  const unit = units.find((candidate) => candidate === timestampUnit) ?? 's';
  return from && { from, unit, toleranceSeconds: Number(toleranceSeconds ?? 300) };
}

function timestampFrom(name?: string, json?: string): TimestampRule['from'] | undefined {
  if (name !== undefined) return { header: name.toLowerCase() };
  return json === undefined ? undefined : { json };
}

function partsOf(template: string): SignedPart[] {
  // `split` with a capturing group alternates the text between the placeholders with their names.
  return template.split(placeholder).flatMap((piece, index): SignedPart[] => {
    if (index % 2 === 0) return piece === '' ? [] : [{ text: piece }];
    if (piece.startsWith('header:')) return [{ header: piece.slice('header:'.length).toLowerCase() }];
    return [piece === 'timestamp' || piece === 'method' || piece === 'url' ? piece : 'body'];
  });
}

function checkTemplate(template: string): string | undefined {
  if (/[{}]/.test(template.replaceAll(placeholder, ''))) return 'has an unknown placeholder';
  return template.includes('{body}') ? undefined : 'must contain {body}: what is not signed can be forged';
}

function given(settings: Params, name: string, make: (value: string) => Extract): Extract[] {
  const value = settings[name];
  return value === undefined ? [] : [make(value)];
}

function either(settings: Params, name: string): Extract[] {
  return [
    ...given(settings, `${name}Header`, (value) => header(value.toLowerCase())),
    ...given(settings, `${name}Field`, field),
  ];
}
