import { X509Certificate } from 'node:crypto';

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const maxChain = 5;

const parsed = new Map<string, X509Certificate | undefined>();
const maxParsed = 1000;

/** The certificates in a PEM text, leaf first; what is not a certificate is left out. */
export function certificatesIn(pem: string): X509Certificate[] {
  return (pem.match(block) ?? []).map(parse).filter((certificate) => certificate !== undefined);
}

export function isValidAt(certificate: X509Certificate, at: Date): boolean {
  return Date.parse(certificate.validFrom) <= at.getTime() && at.getTime() <= Date.parse(certificate.validTo);
}

/** The common name of the subject; undefined when there is none or several. */
export function commonName(certificate: X509Certificate): string | undefined {
  const names = certificate.subject.split('\n').filter((line) => line.startsWith('CN='));
  return names.length === 1 ? names[0]?.slice(3) : undefined;
}

/** Whether the leaf leads, by way of the other certificates, to one that is trusted. Every issuer must be a valid CA. */
export function isTrusted(chain: readonly X509Certificate[], trusted: readonly X509Certificate[], at: Date): boolean {
  let [subject] = chain;
  for (let length = 0; subject !== undefined && length < maxChain; length++) {
    const current: X509Certificate = subject;
    const issues = (issuer: X509Certificate) => issuer.ca && isValidAt(issuer, at) && isIssuedBy(current, issuer);
    if (trusted.some(issues)) return true;
    subject = chain.find((candidate) => candidate !== current && issues(candidate));
  }
  return false;
}

function isIssuedBy(subject: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

/** Parsing costs more than the verification it is for, and the same few certificates come again and again. */
function parse(pem: string): X509Certificate | undefined {
  if (!parsed.has(pem)) {
    if (parsed.size >= maxParsed) parsed.clear();
    parsed.set(pem, tryParse(pem));
  }
  return parsed.get(pem);
}

function tryParse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
