// Writes the parts of docs/ that come from code. Needs a build; `npm run build && node scripts/generate-docs.mjs`.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { problemsPage, withMetricsTable, withSettingsTable } from '../apps/broker/dist/reference-docs.js';

const docs = (name) => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));

writeFileSync(docs('problems.md'), problemsPage());
writeFileSync(docs('operations.md'), withSettingsTable(readFileSync(docs('operations.md'), 'utf8')));
writeFileSync(docs('metrics.md'), withMetricsTable(readFileSync(docs('metrics.md'), 'utf8')));
