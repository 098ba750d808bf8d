import { type SourceConfig } from './reception.js';

/** A setting of the source; the empty text when it is absent, which counts the same. */
export function setting(source: SourceConfig, name: string): string {
  return source.params?.[name] ?? '';
}

/** The configured secrets without empty ones: an empty secret would match an empty signature. */
export function secretsOf(source: SourceConfig): string[] {
  return source.secrets.filter((secret) => secret !== '');
}
