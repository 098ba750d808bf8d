import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A disk that loses what was not flushed when its power is cut. Runs in a process of its own. */
export interface LossyDisk {
  folder: string;
  /**
   * From now on every access fails, and what was not flushed is gone, but for pages that were written by chance.
   *
   * @param kept chance of a page that was not flushed
   * @returns pages of 4 KiB that are lost
   */
  cut: (kept: number, seed: number) => Promise<number>;
  restorePower: () => Promise<void>;
  unmount: () => Promise<void>;
}

/** Undefined where none can be mounted: that needs FUSE, and to be root. */
export async function mountLossyDisk(): Promise<LossyDisk | undefined> {
  if (!existsSync('/dev/fuse') || process.getuid?.() !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'hookcast-lossy-'));
  const program = fileURLToPath(new URL('./disk.mjs', import.meta.url));
  const disk = fork(program, [folder], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(disk, 'exit');
  if (!(await Promise.race([once(disk, 'message'), exited.then(() => undefined)]))) {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  const ask = async (message: object | string): Promise<number> => {
    const answered = once(disk, 'message');
    disk.send(message);
    const [{ lost }] = (await answered) as [{ lost: number }];
    return lost;
  };
  return {
    folder,
    cut: async (kept, seed) => ask({ cut: kept, seed }),
    restorePower: async () => void (await ask('power')),
    unmount: async () => {
      disk.disconnect();
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}
