/** Where in the page somebody is: everything that is needed to come back, so that an address can be shared. */
export interface Place {
  path: readonly string[];
  query: Readonly<Record<string, string>>;
}

/** Reads the fragment of an address: `#/subscriptions/billing?tab=settings`. */
export function placeOf(hash: string): Place {
  const [path = '', search = ''] = hash.replace(/^#?\/?/, '').split('?', 2);
  return {
    path: path
      .split('/')
      .filter((part) => part !== '')
      .map(decoded),
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

/** A link to a place within the page. */
export function linkTo(path: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') search.set(name, value);
  const address = `#/${path.map(encodeURIComponent).join('/')}`;
  return search.size === 0 ? address : `${address}?${search.toString()}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
