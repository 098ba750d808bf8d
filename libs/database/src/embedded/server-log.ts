import fs from 'node:fs';

const largestLog = 16 * 1024 * 1024;

/** The end of the server's log, for error messages. */
export function logTail(logFile: string, from: number, lines = 8): string {
  const text = fs.existsSync(logFile) ? fs.readFileSync(logFile).subarray(from).toString('utf8') : '';
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

export function logSize(logFile: string): number {
  return fs.statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
}

/** Keeps one older log, so that a server which runs for years does not fill the disk with what it prints. */
export function rotateLog(logFile: string): void {
  if (logSize(logFile) > largestLog) fs.renameSync(logFile, `${logFile}.1`);
}
