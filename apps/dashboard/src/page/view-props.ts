import type { Place } from './place.js';

/** Every view gets the address that leads to it. */
export interface ViewProps {
  place: Place;
}
