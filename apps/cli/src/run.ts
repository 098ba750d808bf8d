import { parseArgs } from 'node:util';
import { Broker, type Address } from './broker.js';
import { CommandError, textOf, UsageError, type Command } from './command.js';
import { commands } from './commands.js';

export interface Surroundings {
  args: readonly string[];
  /** Where --url and --key say nothing else. */
  address: Address;
  say: (line: string) => void;
  complain: (line: string) => void;
  signal: AbortSignal;
}

/** Runs one command line. @returns the exit code: 0 done, 1 it went wrong or something is wrong, 2 misused */
export async function run(surroundings: Surroundings): Promise<number> {
  const { args, say, complain } = surroundings;
  const [word = 'help', ...rest] = args;
  const command = Object.hasOwn(commands, word) ? commands[word] : undefined;
  if (!command) {
    const isAsked = ['help', '--help', '-h'].includes(word);
    (isAsked ? say : complain)(help());
    return isAsked ? 0 : 2;
  }
  try {
    return await runCommand(command, rest, surroundings);
  } catch (error) {
    if (isUsage(error)) {
      complain(`${error.message}\nusage: hookcast ${command.usage}`);
      return 2;
    }
    // What a command did not expect is a sentence too: a stack helps nobody at a terminal.
    complain(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

async function runCommand(command: Command, args: string[], { address, say, signal }: Surroundings): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...command.options,
      url: { type: 'string' },
      key: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    say(`hookcast ${command.usage}\n${command.summary}`);
    return 0;
  }
  const url = textOf(values.url) ?? address.url;
  if (!URL.canParse(url)) throw new CommandError(`"${url}" is not a URL.`);
  const broker = new Broker({ url: url.replace(/\/+$/, ''), key: textOf(values.key) ?? address.key });
  return command.run({ broker, positionals, values, say, signal });
}

function isUsage(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  // parseArgs of Node refuses unknown options with these.
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

function help(): string {
  const width = Math.max(...Object.values(commands).map(({ usage }) => usage.length));
  const lines = Object.values(commands).map(({ usage, summary }) => `  hookcast ${usage.padEnd(width)}  ${summary}`);
  const where = '--url and --key, or HOOKCAST_URL (http://127.0.0.1:8080) and HOOKCAST_KEY, say which broker.';
  return ['usage:', ...lines, '', where].join('\n');
}
