#!/usr/bin/env node
/** Writes docs/senders.md from the table of senders: npm run build && node scripts/senders-page.mjs */
import { writeFileSync } from 'node:fs';
import { sendersPage } from '../libs/sources/dist/senders-page.js';

writeFileSync(new URL('../docs/senders.md', import.meta.url), sendersPage());
