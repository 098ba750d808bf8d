import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPublisher, type Publisher, type PublisherOptions } from '@hookcast/publisher';
import { publishApi, type PublishApi } from './publish-api.js';

const folders: string[] = [];
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});

/** A folder for a spool, gone after the test. */
export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'hookcast-spool-'));
  folders.push(made);
  return made;
}

/** A broker that can be away, closed after the test. */
export async function api(): Promise<PublishApi> {
  const broker = await publishApi();
  open.push(broker);
  return broker;
}

/** A publisher that spools, closed after the test without waiting for what is spooled. */
export function publisher(url: string, directory: string, options: Partial<PublisherOptions> = {}): Publisher {
  const { spool, ...rest } = options;
  const bus = createPublisher({
    url,
    apiKey: 'good-key',
    mode: 'spool',
    retry: { baseMs: 1, maxMs: 20 },
    ...rest,
    // Far from what an answer takes on a busy machine: a test that is about slow answers names its own.
    spool: { afterMs: 1_000, ...spool, directory },
  });
  open.push({ close: () => bus.close({ timeoutMs: 0 }) });
  return bus;
}

export const numbered = (count: number) => Array.from({ length: count }, (_, at) => `e${at}`);
