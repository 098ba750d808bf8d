import net from 'node:net';

export interface SocketTrap {
  /** `address:port` of every connect that was asked for, in order. */
  targets: string[];
  /** What to do with the next connects; loopback passes by default, everything else is stopped before a packet leaves. */
  treat(how: (target: string) => 'pass' | 'stop' | 'hang' | { insteadAt: string }): void;
  release(): void;
}

interface ConnectOptions {
  host?: string;
  port?: number;
  path?: string;
  lookup?: net.LookupFunction;
}

type Connect = (this: net.Socket, ...args: unknown[]) => net.Socket;

const isLoopback = (target: string) => /^(127\.|::1:)/.test(target);

/** Records every TCP connect of the process at its last step in JavaScript, after all rules and lookups. */
export function trapSockets(): SocketTrap {
  const prototype = net.Socket.prototype as unknown as { connect: Connect };
  const original = prototype.connect;
  const targets: string[] = [];
  let treat: Parameters<SocketTrap['treat']>[0] = (target) => (isLoopback(target) ? 'pass' : 'stop');

  prototype.connect = function connect(...args) {
    const options = optionsOf(args);
    if (options.path !== undefined) return original.apply(this, args);
    const wanted = addressesOf(options).map((address) => `${address}:${options.port}`);
    targets.push(...wanted);
    const decisions = wanted.map((target) => treat(target));
    const other = decisions.find((decision) => typeof decision === 'object');
    if (other !== undefined) {
      options.host = other.insteadAt;
      delete options.lookup;
    } else if (decisions.includes('hang')) return this;
    else if (decisions.includes('stop'))
      return this.destroy(Object.assign(new Error('trapped'), { code: 'ECONNREFUSED' }));
    return original.apply(this, args);
  };

  return { targets, treat: (how) => void (treat = how), release: () => void (prototype.connect = original) };
}

function optionsOf(args: unknown[]): ConnectOptions {
  const [first] = args;
  return (Array.isArray(first) ? first[0] : first) as ConnectOptions;
}

function addressesOf({ host = 'localhost', lookup }: ConnectOptions): string[] {
  if (lookup === undefined) return [host];
  let found: string[] = [];
  lookup(host, { all: true }, (_error, addresses) => {
    found = Array.isArray(addresses) ? addresses.map(({ address }) => address) : [addresses];
  });
  return found;
}
