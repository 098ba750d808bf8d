import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { verifyFrom, type SenderOptions } from '@hookcast/receiver/senders';
import { Agent, buildConnector, getGlobalDispatcher, setGlobalDispatcher } from 'undici';
import { requestOf, type Vector } from '../../libs/sources/src/vectors.js';
import { createAuthority } from '../support/certificates.js';

const vectorsOf = (sender: string) =>
  JSON.parse(readFileSync(new URL(`../../libs/sources/vectors/${sender}.json`, import.meta.url), 'utf8')) as Vector[];
function vector(sender: string, name: string): Vector {
  const found = vectorsOf(sender).find((one) => one.name === name);
  if (!found) throw new Error(`no vector ${name}`);
  return found;
}

const sns = vector('aws-sns', 'own: Notification v2 without Subject');
const paypal = vector('paypal', 'own: own CA and leaf certificate');
const snsHost = 'sns.eu-north-1.amazonaws.com';
const paypalHost = 'api.sandbox.paypal.com';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/**
 * The senders' certificate servers: one TLS server with a certificate of the test's authority, to which every connection of
 * this process's `fetch` is led. The name in the URL is verified against it as it would be in the open.
 */
async function certificateServer(names: string[], pem: string): Promise<string[]> {
  const authority = createAuthority();
  const { cert, key } = authority.issue({ names });
  const asked: string[] = [];
  const server = https.createServer({ cert, key }, ({ headers, url }, response) => {
    asked.push(`${headers.host}${url}`);
    response.end(pem);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const connect = buildConnector({ ca: authority.cert });
  const before = getGlobalDispatcher();
  const agent = new Agent({
    connect: (options, done) =>
      connect({ ...options, servername: options.hostname, hostname: '127.0.0.1', port: String(port) }, done),
  });
  setGlobalDispatcher(agent);
  open.push(async () => {
    setGlobalDispatcher(before);
    await agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  return asked;
}

function ask(of: Vector, options: SenderOptions) {
  const at = of.verifyAt;
  return verifyFrom(of.sender, requestOf(of), {
    ...options,
    ...(at !== undefined && { now: () => new Date(at * 1000) }),
  });
}

/** The same with the certificate at another path: what was downloaded is kept for the life of the process. */
function withCertificateAt(of: Vector, name: string): Vector {
  const body = Buffer.from(of.bodyBase64, 'base64').toString().replace('-own.pem', `-${name}.pem`);
  return { ...of, bodyBase64: Buffer.from(body).toString('base64') };
}

const snsOptions: SenderOptions = { params: { topicArn: 'arn:aws:sns:eu-north-1:000000000000:own' } };

test('the certificate of AWS SNS is downloaded from its host, once, and verifies what it signed', async () => {
  const asked = await certificateServer([snsHost], sns.certPem ?? '');
  expect((await ask(sns, snsOptions)).kind).toBe('delivery');
  expect((await ask(vector('aws-sns', 'own: Notification v1 with Subject'), snsOptions)).items).toHaveLength(1);
  expect(asked).toEqual([`${snsHost}/SimpleNotificationService-own.pem`]);
});

test('the certificate chain of PayPal is downloaded from its host, and has to end at a trusted root', async () => {
  const asked = await certificateServer([paypalHost], paypal.certPem ?? '');
  const params = { webhookId: String(paypal.params?.['webhookId']) };
  const trustedCertificates = [String(paypal.params?.['caPem'])];
  expect((await ask(paypal, { params, trustedCertificates })).items).toHaveLength(1);
  await expect(ask(paypal, { params })).rejects.toMatchObject({ status: 401 });
  expect(asked).toEqual([`${paypalHost}/v1/notifications/certs/CERT-own`]);
});

test('a certificate server that cannot prove its name is not believed', async () => {
  const asked = await certificateServer(['elsewhere.example'], sns.certPem ?? '');
  await expect(ask(withCertificateAt(sns, 'unproven'), snsOptions)).rejects.toMatchObject({
    status: 503,
    reason: 'certificate-unavailable',
  });
  expect(asked).toEqual([]);
});

test('a certificate of another host is not asked for', async () => {
  const asked = await certificateServer(['evil.example'], sns.certPem ?? '');
  const body = Buffer.from(sns.bodyBase64, 'base64').toString().replace(snsHost, 'evil.example');
  const forged = { ...sns, bodyBase64: Buffer.from(body).toString('base64') };
  await expect(ask(forged, snsOptions)).rejects.toMatchObject({ status: 401 });
  expect(asked).toEqual([]);
});
