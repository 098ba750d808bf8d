import { receiver } from './billing.js';

// app/hooks/route.ts of a Next.js application. The runtime `edge` has no node:crypto. `next build` loads the route too, so
// the secret has to be there.
export const runtime = 'nodejs';

export const POST = receiver.fetch;
export const OPTIONS = receiver.fetch;
