import { useEffect, useState } from 'preact/hooks';
import { placeOf, type Place } from './place.js';

/** Follows the address. */
export function usePlace(): Place {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => setHash(location.hash);
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return placeOf(hash);
}

/** Goes on to another place; back leads here again. */
export function goTo(link: string): void {
  location.hash = link;
}
