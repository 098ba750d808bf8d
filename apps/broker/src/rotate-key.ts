import { loadConfig } from './config.js';
import { createLog } from './logging.js';
import { rotateEncryptionKey } from './startup/rotate.js';
import { StartError } from './startup/start-error.js';

/** `npm run rotate-key`: see docs/operations.md. Prints what was done as one JSON line. */
const loaded = loadConfig(process.env);
if (loaded.kind === 'bad') {
  refuse(`because of its settings:\n${loaded.errors.map((error) => `  - ${error}`).join('\n')}`);
} else {
  const log = createLog(loaded.config.logLevel);
  try {
    const counts = await rotateEncryptionKey(loaded.config, log);
    log.info(counts, 'key-rotation.done');
    // Whoever removes the old key now would lose these.
    if (counts.unreadable > 0) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    refuse(error.message);
  }
}

function refuse(reason: string): void {
  process.stderr.write(`The key cannot be rotated: ${reason}\n`);
  process.exitCode = 1;
}
