/** A tenant known by its client certificate, on good days and on the day after it expired. */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Authority, type CertificateFolder, certificateFolder, type Identity } from '../support/certificates.ts';
import { type Isthmus, startIsthmus } from '../support/isthmus.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { FROM, twoTenants } from '../support/two-tenants.ts';
import { type ScriptedPeer, startPeer } from './next-hop/scripted-peer.ts';

const NAME = 'mail.tenant1.example';
const DAY_MS = 24 * 3_600_000;

let certificates: CertificateFolder;
let authority: Authority;
let next: ScriptedPeer;
let relay: Isthmus;

beforeAll(async () => {
  certificates = certificateFolder();
  authority = await certificates.authority('Tenants');
  next = await startPeer({});
  const sources1 = `    - clientCertificate: {names: [${NAME}], caSecretRef: {name: ca}}\n`;
  const manifests = twoTenants({ tenant1: next.port, tenant2: next.port, world: next.port, sources1 });
  const ca = readFileSync(authority.certificateFile).toString('base64');
  const secret = `apiVersion: v1\nkind: Secret\nmetadata: {name: ca}\ndata: {ca.crt: ${ca}}\n`;
  relay = await startIsthmus({ manifests: { ...manifests, 'ca.yaml': secret } });
});

afterAll(async () => {
  await relay?.stop();
  await next?.stop();
  certificates?.remove();
});

/** What RCPT hears, for a recipient outside and for a shared address. */
async function answers(identity: Identity | undefined): Promise<string[]> {
  const client = await RawSmtp.greeted(relay.host, relay.port, { localAddress: FROM.world });
  const shown = identity && { cert: readFileSync(identity.certificateFile), key: readFileSync(identity.keyFile) };
  await client.startTls({ rejectUnauthorized: false, ...shown });
  const heard: string[] = [];
  for (const recipient of ['bob@world.example', 'mary@shared.example']) {
    await client.command('MAIL FROM:<john@tenant1.example>');
    heard.push((await client.command(`RCPT TO:<${recipient}>`)).text.slice(0, 9));
    await client.command('RSET');
  }
  await client.quit();
  return heard;
}

it('its certificate opens the way out', async () => {
  expect(await answers(await authority.issue({ names: [NAME] }))).toEqual(['250 2.1.5', '250 2.1.5']);
});

it('a stranger with a good certificate of another name stays the internet', async () => {
  expect(await answers(await authority.issue({ names: ['mail.else.example'] }))).toEqual(['550 5.7.1', '250 2.1.5']);
});

it('without a certificate the client is the internet', async () => {
  expect(await answers(undefined)).toEqual(['550 5.7.1', '250 2.1.5']);
});

it('an expired certificate delays mail and bounces none, and tracking says why', async () => {
  const notAfter = new Date(Date.now() - DAY_MS);
  const expired = await authority.issue({ names: [NAME], notBefore: new Date(Date.now() - 9 * DAY_MS), notAfter });
  expect(await answers(expired)).toEqual(['451 4.3.5', '451 4.3.5']);
  const line = relay.lines().find((one) => one['event'] === 'DEFER');
  expect(line?.['cause']).toMatch(/certificate with a name of TenantRoute tenant1 that cannot be verified/);
});

it('a certificate of that name that somebody made himself opens nothing', async () => {
  const forger = await certificates.authority('Forger');
  const before = next.conversations.length;
  expect(await answers(await forger.issue({ names: [NAME] }))).toEqual(['451 4.3.5', '451 4.3.5']);
  expect(next.conversations).toHaveLength(before);
});
