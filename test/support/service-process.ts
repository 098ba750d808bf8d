import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from './broker.js';
import { until } from './until.js';

/** A built example, run as its README says. */
export interface ServiceProcess {
  url: string;
  /** Everything it has printed. */
  printed(): string;
  /** Resolves once it has printed this. */
  prints(text: string): Promise<unknown>;
  stop(): Promise<void>;
}

/**
 * @param program below `examples`, without extension
 * @param settings its environment, besides PORT
 */
export async function serviceProcess(program: string, settings: Record<string, string>): Promise<ServiceProcess> {
  const port = await freePort();
  const built = fileURLToPath(new URL(`../../examples/${program}.js`, import.meta.url));
  const env = { PATH: process.env['PATH'], PORT: String(port), ...settings };
  const service = fork(built, { silent: true, execArgv: [], env });
  let lines = '';
  for (const stream of [service.stdout, service.stderr])
    stream?.on('data', (chunk: Buffer) => (lines += chunk.toString()));
  const exited = once(service, 'exit');
  return {
    url: `http://127.0.0.1:${port}`,
    printed: () => lines,
    prints: (text) =>
      until(() => lines.includes(text), { what: `"${text}" in:\n${lines}`, timeoutMs: 20_000 }).catch(
        (error: unknown) => {
          throw new Error(`${program} printed:\n${lines}`, { cause: error });
        },
      ),
    stop: async () => {
      service.kill('SIGTERM');
      await exited;
    },
  };
}
