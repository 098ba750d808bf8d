import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface Issued {
  /** PEM. */
  cert: string;
  /** PEM, PKCS #8. */
  key: string;
}

export interface Authority extends Issued {
  issue(options: { names?: string[]; addresses?: string[]; notAfter?: Date }): Issued;
}

/** A certificate authority of its own, made on the spot: no file in the repository, and nothing that ever expires. */
export function createAuthority(name = 'Test authority'): Authority {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = distinguishedName(name);
  const isAuthority = extension('551d13', true, sequence(der(0x01, Buffer.from([0xff]))));
  const cert = certificate({
    subject,
    issuer: subject,
    publicKey: pair.publicKey,
    signer: pair.privateKey,
    extensions: [isAuthority],
  });
  return {
    cert,
    key: pem('PRIVATE KEY', pair.privateKey.export({ type: 'pkcs8', format: 'der' })),
    issue: ({ names = [], addresses = [], notAfter }) => {
      const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const alternatives = sequence(
        ...names.map((dnsName) => der(0x82, Buffer.from(dnsName))),
        ...addresses.map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
      );
      return {
        cert: certificate({
          subject: distinguishedName(names[0] ?? addresses[0] ?? 'client'),
          issuer: subject,
          publicKey: leaf.publicKey,
          signer: pair.privateKey,
          extensions: alternatives.length > 2 ? [extension('551d11', false, alternatives)] : [],
          ...(notAfter && { notAfter }),
        }),
        key: pem('PRIVATE KEY', leaf.privateKey.export({ type: 'pkcs8', format: 'der' })),
      };
    },
  };
}

interface CertificateParts {
  subject: Buffer;
  issuer: Buffer;
  publicKey: KeyObject;
  signer: KeyObject;
  extensions: Buffer[];
  notAfter?: Date;
}

/** X.509 v3 (RFC 5280), signed with ECDSA and SHA-256. */
function certificate({
  subject,
  issuer,
  publicKey,
  signer,
  extensions,
  notAfter = days(365),
}: CertificateParts): string {
  const algorithm = sequence(oid('2a8648ce3d040302'));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    issuer,
    sequence(time(days(-30)), time(notAfter)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [der(0xa3, sequence(...extensions))] : []),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, signer)]));
  return pem('CERTIFICATE', sequence(body, algorithm, signature));
}

function der(tag: number, content: Buffer): Buffer {
  const size = content.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const sequence = (...parts: Buffer[]) => der(0x30, Buffer.concat(parts));
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const days = (count: number) => new Date(Date.now() + count * 86_400_000);

function time(date: Date): Buffer {
  return der(0x18, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/g, '')));
}

function distinguishedName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** Whether two PEM texts belong together, for a test that mixes them up on purpose. */
