/** Who is logged in, as the broker wrote it into the page. */
export interface PageSession {
  /** Goes with every request, to prove that it comes from this page. */
  csrf: string;
  version: string;
  namespace: string;
  scopes: readonly string[];
}

export function sessionOf(page: Document): PageSession {
  const facts = page.getElementById('app')?.dataset ?? {};
  const csrf = page.querySelector<HTMLInputElement>('input[name="csrf"]')?.value ?? '';
  return {
    csrf,
    version: facts['version'] ?? '',
    namespace: facts['namespace'] ?? '',
    scopes: (facts['scopes'] ?? '').split(' ').filter((scope) => scope !== ''),
  };
}
