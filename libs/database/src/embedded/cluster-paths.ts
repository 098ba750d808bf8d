import fs from 'node:fs';
import path from 'node:path';

/** Everything the embedded server keeps in the data dir. The major version is in the names. */
export interface ClusterPaths {
  dataDir: string;
  /** The cluster itself (PGDATA). */
  cluster: string;
  /** What the server and initdb print. */
  logFile: string;
  /** Touched every second by the process that runs the server. */
  aliveFile: string;
  /** Windows only: the password of the TCP connection. */
  passwordFile: string;
}

export function clusterPaths(dataDir: string, major: string): ClusterPaths {
  const base = path.join(dataDir, `pg${major}`);
  return {
    dataDir,
    cluster: base,
    logFile: `${base}.log`,
    aliveFile: `${base}.alive`,
    passwordFile: `${base}.password`,
  };
}

/** Directories of clusters in a data dir; several after an upgrade of Hookcast to another major version. */
export function clustersIn(dataDir: string): string[] {
  return fs
    .readdirSync(dataDir)
    .filter((name) => /^pg\d+$/.test(name))
    .map((name) => path.join(dataDir, name));
}
