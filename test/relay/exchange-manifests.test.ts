/** Exchange Online through `isthmus relay` and its manifests: proven mail passes, and waits when the proof cannot be checked. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { startIsthmus } from '../support/isthmus.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { FROM, twoTenants } from '../support/two-tenants.ts';
import { type ExchangeCertificates, exchangeCertificates, ONE, TENANT_ID } from './exchange-world.ts';
import { startPeer } from './next-hop/scripted-peer.ts';

let certificates: ExchangeCertificates;
beforeAll(async () => {
  certificates = await exchangeCertificates();
});
afterAll(() => certificates.remove());

const SOURCES = `    - exchangeOnline:
        tenantId: ${ONE}
        organizations: [tenant1.example]
        certificateNames: [mail.protection.exchange.example]
`;

function secret(pem: string): string {
  const lines = pem.trim().split('\n');
  return `apiVersion: v1
kind: Secret
metadata: {name: authorities}
stringData:
  ca.crt: |
${lines.map((line) => `    ${line}\n`).join('')}`;
}

const message = `From: john@tenant1.example\r\n${TENANT_ID}: ${ONE}\r\nMessage-ID: <m@x>\r\n\r\nHello\r\n`;

it('takes a tenant by its id or organization, and defers it while its authorities cannot be read', async () => {
  const world = await startPeer();
  const ports = { tenant1: world.port, tenant2: world.port, world: world.port };
  const fleet = '  tls:\n    clientCASecretRef: {name: authorities}\n';
  const at = await startIsthmus({
    manifests: { ...twoTenants({ ...ports, fleet, sources1: SOURCES }), 'ca.yaml': secret(certificates.ca) },
  });
  const { certificate: cert, key } = certificates.identities['Exchange Online'] ?? {};
  const open = async () => {
    const client = await RawSmtp.greeted(at.host, at.port, { localAddress: FROM.world });
    await client.startTls({
      rejectUnauthorized: false,
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    return client;
  };
  const client = await open();
  expect((await client.send('john@tenant1.example', ['bob@world.example'], message)).code).toBe(250);
  await client.command('MAIL FROM:<john@tenant1.example> XOORG=tenant1.example');
  expect((await client.command('RCPT TO:<bob@world.example>')).code).toBe(250);
  await client.quit();
  expect(world.conversations.flatMap(({ commands }) => commands.filter((line) => line.startsWith('MAIL')))).toEqual([
    'MAIL FROM:<john@shared.example>',
    'MAIL FROM:<john@shared.example>',
  ]);
  const before = (await at.status()).revision;
  at.remove('ca.yaml');
  await expect.poll(async () => (await at.status()).revision).not.toBe(before);
  const later = await open();
  expect((await later.send('john@tenant1.example', ['bob@world.example'], message)).text).toMatch(/^451 4\.3\.5 /);
  await later.quit();
  await at.stop();
  await world.stop();
});
