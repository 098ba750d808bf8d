const secretName = /secret|token|password|authorization|credential|private|hash|cookie|api-?key|^keys?$/i;
/** Of a secret, but not secret. */
const harmlessName = /hint$|At$/;
/** Their names are chosen by users, so no name says which value is secret. */
const secretValues = new Set(['headers', 'options']);
/** Ours, and those of the vendors that services call most. */
const secretText = /\b(whsec_|whsk_|hc_|sk_|ghp_|xox[abp]-)[\w+/=-]+/g;

export const redacted = '[redacted]';

/** A copy without secrets: by the names of fields, by the look of texts, and without the query of URLs. */
export function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, cleanField(name, field)]));
}

function cleanField(name: string, field: unknown): unknown {
  if (field === null || field === undefined) return null;
  if (secretValues.has(name) && typeof field === 'object') {
    return Object.fromEntries(Object.keys(field).map((key) => [key, redacted]));
  }
  if (!secretName.test(name) || harmlessName.test(name)) return withoutSecrets(field);
  // Of a list of sealed secrets it is worth knowing how many there are and since when.
  return Array.isArray(field) ? field.map(bareSecret) : redacted;
}

function bareSecret(secret: unknown): unknown {
  if (typeof secret !== 'object' || secret === null) return redacted;
  const harmless = Object.entries(secret).filter(([name]) => harmlessName.test(name) || name === 'kind');
  return Object.fromEntries(harmless);
}

function cleanText(text: string): string {
  const shown = text.replaceAll(secretText, redacted);
  return /^https?:\/\//i.test(shown) ? shown.replace(/\?.*$/s, `?${redacted}`) : shown;
}
