import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './broker.js';

/** One request as the receiver process wrote it down. */
export interface Received {
  id: string;
  headers: Record<string, string>;
  body: Buffer;
  verified: true | string;
}

export interface ReceiverProcess {
  url: string;
  received(): Received[];
  stop(): Promise<void>;
}

export async function receiverProcess(secret: string): Promise<ReceiverProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'hookcast-receiver-'));
  const file = join(folder, 'received.jsonl');
  const port = await freePort();
  const child: ChildProcess = fork(
    fileURLToPath(new URL('./receiver-process.mjs', import.meta.url)),
    [String(port), secret, file],
    {
      execArgv: [],
    },
  );
  await once(child, 'message');
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    received: () => readReceived(file),
    stop: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function readReceived(file: string): Received[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map(
      (line) =>
        JSON.parse(line) as { headers: Record<string, string>; body: string; verified: true | string; failed?: string },
    )
    .map(({ headers, body, verified, failed }) => {
      if (failed !== undefined) throw new Error(`the receiver failed: ${failed}`);
      return { id: headers['webhook-id'] ?? '', headers, body: Buffer.from(body, 'base64'), verified };
    });
}
