import fs from 'node:fs';
import os from 'node:os';

/** The operating-system account that Postgres runs as. */
export interface Account {
  name: string;
  /** Set when it is another account than ours: Postgres refuses to run as root. */
  switchTo?: { uid: number; gid: number };
}

export interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
}

/** Lines of /etc/passwd, see passwd(5). */
export function parsePasswd(text: string): PasswdEntry[] {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4)
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

/**
 * Which account a root process hands the server to: whoever owns the cluster already (Postgres insists on that),
 * else the one asked for, `postgres` or `nobody`. Never creates accounts. initdb looks its uid up by name, so a
 * new cluster needs an account with a passwd entry; an existing one does not.
 */
export function accountForRoot(
  entries: readonly PasswdEntry[],
  wanted: { preferred?: string | undefined; clusterOwner?: { uid: number; gid: number } | undefined },
): Account | undefined {
  const owner = wanted.clusterOwner;
  if (owner && owner.uid !== 0) {
    const name = entries.find((entry) => entry.uid === owner.uid)?.name ?? `uid ${owner.uid}`;
    return { name, switchTo: owner };
  }
  for (const name of [wanted.preferred, 'postgres', 'nobody']) {
    const entry = entries.find((each) => each.name === name && each.uid > 0);
    if (entry) return { name: entry.name, switchTo: { uid: entry.uid, gid: entry.gid } };
  }
  return undefined;
}

/** @throws Error when we are root and no account is fit to run Postgres. */
export function serverAccount(clusters: readonly string[], preferred?: string): Account {
  if (process.getuid?.() !== 0) return { name: ownName() };
  const account = accountForRoot(parsePasswd(fs.readFileSync('/etc/passwd', 'utf8')), {
    preferred,
    clusterOwner: clusters.map((cluster) => fs.statSync(cluster)).at(-1),
  });
  if (account) return account;
  throw new Error(
    'Embedded Postgres does not run as root, and there is neither a "postgres" nor a "nobody" account to run it as. ' +
      'Start Hookcast as another user, or set DATABASE_URL.',
  );
}

/** os.userInfo() throws for a uid without a passwd entry, which containers like to assign. */
function ownName(): string {
  try {
    return os.userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}
