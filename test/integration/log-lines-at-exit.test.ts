import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const logging = new URL('../../apps/broker/dist/logging.js', import.meta.url).href;
const runs = 12;

test.each([
  ['ends by itself', ''],
  ['ends by itself after a while', 'await new Promise((resolve) => setTimeout(resolve, 150));'],
  ['is ended', 'process.on("beforeExit", () => {}); setImmediate(() => process.exit(0));'],
])('the last line of a program that %s is written', async (_way, end) => {
  const text = `import { createLog } from '${logging}'; const log = createLog('info'); log.info('first'); ${end} log.info('last');`;
  const outputs = await Promise.all(Array.from({ length: runs }, async () => run(text)));
  expect(outputs.filter((output) => !/first[^]*last/.test(output))).toEqual([]);
});

async function run(text: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', text]);
  return stdout;
}
