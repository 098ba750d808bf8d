import { isIPv6, type Socket } from 'node:net';
import { ConnectFailure, codeOf, unreachable } from './failure.js';
import { hostOf, portOf } from './url-check.js';

/** A forward proxy that all hook traffic goes through, by CONNECT. */
export interface ForwardProxy {
  /** `http://[user:password@]host[:port]`. The operator chose it, so its own address is not judged. */
  readonly url: string;
  /**
   * Who resolves host names. `here`: we do, judge the answers, and ask the proxy for the judged address. `proxy`: the
   * proxy gets the name; which addresses it may reach is then up to the proxy's own rules.
   * @default here
   */
  readonly resolve?: 'here' | 'proxy';
}

/** A validated {@link ForwardProxy}. */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** Value of the Proxy-Authorization header. */
  readonly authorization: string | undefined;
  readonly resolvesNames: boolean;
}

/** @throws Error when the URL is not a plain http URL */
export function readProxy({ url: text, resolve = 'here' }: ForwardProxy): Proxy {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' || url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw new Error('The egress proxy must be given as http://[user:password@]host[:port].');
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    host: hostOf(url),
    port: portOf(url),
    authorization: url.username === '' ? undefined : `Basic ${Buffer.from(pair).toString('base64')}`,
    resolvesNames: resolve === 'proxy',
  };
}

/** Most bytes that a proxy may answer to CONNECT. */
const maxAnswerBytes = 16_384;

/**
 * Asks the proxy for a tunnel to `host:port` on an open socket.
 *
 * @throws ConnectFailure when the proxy says no, says nonsense, or says nothing within `timeoutMs`
 */
export async function openTunnel(
  socket: Socket,
  target: { host: string; port: number },
  proxy: Proxy,
  timeoutMs: number,
): Promise<void> {
  const authority = `${isIPv6(target.host) ? `[${target.host}]` : target.host}:${target.port}`;
  const credentials = proxy.authorization === undefined ? '' : `proxy-authorization: ${proxy.authorization}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${credentials}\r\n`, 'latin1');
  const answer = await readAnswer(socket, timeoutMs);
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1];
  if (status?.startsWith('2') === true) return;
  socket.destroy();
  throw new ConnectFailure('refused', unreachable, `the proxy answered ${status ?? 'no HTTP'} to CONNECT ${authority}`);
}

/** The answer's head. Bytes after it would be the target's, who has not been asked anything yet: refused. */
async function readAnswer(socket: Socket, timeoutMs: number): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    let head = '';
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('readable', onReadable).off('error', fail).off('close', onClose);
    };
    const fail = (cause: unknown): void => {
      settle();
      socket.destroy();
      const timeout = cause === 'timeout';
      reject(
        new ConnectFailure(
          timeout ? 'timeout' : 'reset',
          unreachable,
          `proxy: ${timeout ? 'no answer to CONNECT' : codeOf(cause)}`,
        ),
      );
    };
    const onClose = (): void => fail('closed');
    const onReadable = (): void => {
      const chunk: Buffer | null = socket.read();
      head += chunk?.toString('latin1') ?? '';
      const end = head.indexOf('\r\n\r\n');
      if (end === -1 && head.length <= maxAnswerBytes) return;
      if (end !== head.length - 4) return fail('bytes after the answer');
      settle();
      resolve(head);
    };
    const timer = setTimeout(() => fail('timeout'), timeoutMs);
    socket.on('readable', onReadable).once('error', fail).once('close', onClose);
  });
}
