import 'reflect-metadata';
import cluster from 'node:cluster';
import { loadConfig } from './config.js';
import { createLog } from './logging.js';
import { runChild } from './startup/child.js';
import { runPrimary } from './startup/primary.js';

const loaded = loadConfig(process.env);
if (loaded.kind === 'bad') {
  const list = loaded.errors.map((error) => `  - ${error}`).join('\n');
  process.stderr.write(`hookcast cannot start, because of its settings:\n${list}\nAll settings: docs/operations.md\n`);
  process.exitCode = 1;
} else {
  const log = createLog(loaded.config.logLevel);
  await (cluster.isPrimary ? runPrimary(loaded.config, log) : runChild(loaded.config, log));
}
