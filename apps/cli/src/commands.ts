import type { Command } from './command.js';
import { doctor } from './commands/doctor.js';
import { publish } from './commands/publish.js';
import { subscriptions } from './commands/subscriptions.js';
import { tail } from './commands/tail.js';
import { topics } from './commands/topics.js';
import { types } from './commands/generate-types.js';

/** Every command, in the order of the help. One file each. */
export const commands: Readonly<Record<string, Command>> = { doctor, publish, tail, topics, subscriptions, types };
