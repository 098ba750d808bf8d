import { readFileSync } from 'node:fs';

/** The version in the package's own package.json, which lies beside both src and dist. */
export const version = readVersion();

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const manifest: unknown = JSON.parse(text);
  const found =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined;
  return typeof found === 'string' ? found : '0.0.0';
}

/** What the broker calls itself towards hooks. */
export const userAgent = `Hookcast/${version}`;
