import { run } from './run.js';

const {
  HOOKCAST_URL: url = 'http://127.0.0.1:8080',
  HOOKCAST_API_KEY,
  HOOKCAST_KEY: key = HOOKCAST_API_KEY,
} = process.env;
const end = new AbortController();
process.once('SIGINT', () => end.abort());

process.exitCode = await run({
  args: process.argv.slice(2),
  address: { url, key },
  say: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
  signal: end.signal,
});
