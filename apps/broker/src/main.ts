import 'reflect-metadata';
import cluster from 'node:cluster';
import { allSettings, loadConfig } from './config.js';
import { createLog } from './logging.js';
import { runChild } from './startup/child.js';
import { runPrimary } from './startup/primary.js';
import { unknownSettings } from './unknown-settings.js';

const loaded = loadConfig(process.env);
if (loaded.kind === 'bad') {
  const list = loaded.errors.map((error) => `  - ${error}`).join('\n');
  process.stderr.write(`hookcast cannot start, because of its settings:\n${list}\nAll settings: docs/operations.md\n`);
  process.exitCode = 1;
} else {
  const log = createLog(loaded.config.logLevel);
  if (cluster.isPrimary) {
    const known = allSettings.map(({ variable }) => variable);
    for (const unknown of unknownSettings(process.env, known)) log.warn(unknown, 'settings.unknown');
  }
  await (cluster.isPrimary ? runPrimary(loaded.config, log) : runChild(loaded.config, log));
}
