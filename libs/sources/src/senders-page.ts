import { senders, type SchemeInfo, type SenderInfo } from './describe-senders.js';

/** `docs/senders.md`, out of the table. Written by `scripts/senders-page.mjs`. */
export function sendersPage(): string {
  const all = senders();
  return [
    '<!-- Generated from libs/sources by `node scripts/senders-page.mjs`. Do not edit. -->',
    '<!-- prettier-ignore-start -->',
    '',
    '# Senders',
    '',
    `Hookcast takes in the webhooks of ${all.length} senders, each checked in its own style. A source uses one scheme of its sender; there`,
    'is no fallback to another. Signatures are checked over the untouched bytes; a signature header must occur exactly once.',
    '',
    '| sender | name | default scheme | needs | delivery id | answers within |',
    '|---|---|---|---|---|---|',
    ...all.map(row),
    '',
    ...all.flatMap(section),
    '<!-- prettier-ignore-end -->',
    '',
  ].join('\n');
}

const dedupeTexts = { id: "the sender's", composite: 'fields of the body', hash: 'hash of the bytes' };

function row(sender: SenderInfo): string {
  const [scheme] = sender.schemes;
  const within = sender.answerWithin === undefined ? '' : `${sender.answerWithin} s`;
  const cells = [
    `[${sender.title}](#${anchor(sender.title)})`,
    `\`${sender.name}\``,
    `\`${scheme?.name ?? ''}\``,
    scheme === undefined ? '' : needs(scheme),
    dedupeTexts[sender.dedupe],
    within,
  ];
  return `| ${cells.join(' | ')} |`;
}

function needs(scheme: SchemeInfo): string {
  const { secret, publicKey, certificate, callbackUrl } = scheme.needs;
  const keys = [...(secret ? ['secret'] : []), ...(publicKey ? ['public key'] : [])].join(' or ');
  return [
    ...(keys === '' ? [] : [keys]),
    ...(certificate ? ['certificate (fetched)'] : []),
    ...(callbackUrl ? ['callback URL'] : []),
    ...scheme.params.filter(({ required }) => required).map(({ name }) => `\`${name}\``),
  ].join(', ');
}

function section(sender: SenderInfo): string[] {
  return [
    `## ${sender.title}`,
    '',
    `\`${sender.name}\` · [documentation](${sender.documentation}) · retries: ${sender.retries}` +
      `${sender.batch ? ' · one request may carry several events' : ''} · ids are remembered for ${sender.dedupeDays} days`,
    '',
    '| scheme | what is checked | needs |',
    '|---|---|---|',
    ...sender.schemes.map((scheme) => `| \`${scheme.name}\` | ${cell(scheme.describes)} | ${needs(scheme)} |`),
    '',
    ...settings(sender),
    ...(sender.handshakes.length === 0 ? [] : ['Handshakes:', '', ...sender.handshakes.map((text) => `- ${text}`), '']),
  ];
}

function settings(sender: SenderInfo): string[] {
  const lines = sender.schemes
    .flatMap(({ params }) => params)
    .map(({ name, required, describes }) => `- \`${name}\`${required ? ' (required)' : ''}: ${describes}`);
  return lines.length === 0 ? [] : ['Settings:', '', ...new Set(lines), ''];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** As GitHub makes it out of a heading. */
function anchor(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(/\s/g, '-');
}
