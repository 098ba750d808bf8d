#!/usr/bin/env node
// Built by `npm run build`; a file of its own, so that installing links it before anything is built.
await import('../dist/main.js');
