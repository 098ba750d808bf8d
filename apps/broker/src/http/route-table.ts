import type { Router } from 'express';

interface RouteLayer {
  route?: { methods: Record<string, boolean> };
  match(path: string): boolean;
}

/**
 * The methods for which a router has a route at `path`, upper case and sorted. Express answers 404 for a known path
 * with another method; this tells the two apart. Every route of this program is on one router.
 */
export function methodsAt(router: Router, path: string): string[] {
  // The published types are of an older router, whose layers have no match().
  // eslint-disable-next-line typescript/no-unsafe-type-assertion
  const layers = router.stack as unknown as readonly RouteLayer[];
  const found = layers.filter((layer) => layer.route !== undefined && matches(layer, path));
  const methods = new Set(
    found.flatMap((layer) => Object.keys(layer.route?.methods ?? {}).map((name) => name.toUpperCase())),
  );
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].toSorted();
}

function matches(layer: RouteLayer, path: string): boolean {
  try {
    return layer.match(path);
  } catch {
    // A path that cannot be decoded is refused as such before it comes here.
    return false;
  }
}
