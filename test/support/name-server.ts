import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';

export type Zone = (name: string, type: 'A' | 'AAAA') => string[] | 'NXDOMAIN' | 'SERVFAIL' | 'drop';

export interface NameServer {
  /** `127.0.0.1:<port>`, as a resolver takes it. */
  address: string;
  /** `A name` or `AAAA name`, in the order asked. */
  asked: string[];
  close(): Promise<void>;
}

/** A DNS server for tests: UDP on loopback, A and AAAA only, answers from a function. */
export async function nameServer(zone: Zone, ttl = 60): Promise<NameServer> {
  const socket = dgram.createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, peer) => {
    const { name, type, end } = question(query);
    if (type !== 1 && type !== 28) return;
    const kind = type === 1 ? 'A' : 'AAAA';
    asked.push(`${kind} ${name}`);
    const answer = zone(name, kind);
    if (answer === 'drop') return;
    socket.send(response(query.subarray(0, end), answer, { type, ttl }), peer.port, peer.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    close: async () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}

function question(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let size = query[at] ?? 0; size > 0; size = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + size));
    at += 1 + size;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** Header and question of the query, then the records, each pointing back at the name of the question. */
function response(
  query: Buffer,
  answer: Exclude<ReturnType<Zone>, 'drop'>,
  { type, ttl }: { type: number; ttl: number },
): Buffer {
  const addresses = typeof answer === 'string' ? [] : answer;
  const head = Buffer.from(query);
  const code = answer === 'NXDOMAIN' ? 3 : answer === 'SERVFAIL' ? 2 : 0;
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt32BE(0, 8);
  const records = addresses.map((address) => {
    const data = net.isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address);
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, ...records]);
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array<string>(missing).fill('0'), ...groups(tail)];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
