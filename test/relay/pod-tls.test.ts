/** The certificate of a relay pod: mounted, replaced while sessions are open, or the configuration's own. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { certificateFolder, type Authority, type Identity } from '../support/certificates.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { configFor, packed, PodFolders, TestPod, tlsFiles, UNTIL, volume } from './pod-fixture.ts';

const certificates = certificateFolder();
let authority: Authority;
let first: Identity;
let second: Identity;
let folders: PodFolders;
let pod: TestPod;

const NAME = 'relay.shared.example';

beforeAll(async () => {
  authority = await certificates.authority('test');
  [first, second] = [await authority.issue({ names: [NAME] }), await authority.issue({ names: [NAME, 'mx.example'] })];
});

afterAll(() => certificates.remove());

beforeEach(async () => {
  folders = new PodFolders();
  pod = await TestPod.start(folders);
});

afterEach(async () => {
  await pod?.process.stop('SIGKILL');
  folders.remove();
});

const config = (revision = 'one') => configFor(revision, 25, ['john']);

async function overTls(): Promise<RawSmtp> {
  const client = await RawSmtp.greeted(pod.host, pod.port);
  expect((await client.startTls({ ca: authority.certificate, servername: NAME })).code).toBe(250);
  return client;
}

/** What a new client is shown. */
async function namesShown(): Promise<string | undefined> {
  const client = await overTls();
  const names = client.tls?.getPeerCertificate().subjectaltname;
  await client.quit();
  return names;
}

describe('the certificate of a pod', { timeout: 60_000 }, () => {
  test('is waited for, unready, when there is none', async () => {
    folders.config.set(volume({ proven: packed(config()) }));
    await pod.process.waitForOutput(/there is no TLS certificate yet/);
    expect(await pod.isReady()).toBe(false);
    expect((await pod.status()).running).toBeUndefined();
    folders.tls.set(tlsFiles(first));
    await expect.poll(() => pod.isReady(), UNTIL).toBe(true);
    expect(await namesShown()).toBe(`DNS:${NAME}`);
  });

  test('changes for new sessions, and open ones go on', async () => {
    folders.tls.set(tlsFiles(first));
    folders.config.set(volume({ proven: packed(config()) }));
    await expect.poll(() => pod.isReady(), UNTIL).toBe(true);
    const open = await overTls();
    folders.tls.set(tlsFiles(second));
    await expect.poll(namesShown, UNTIL).toBe(`DNS:${NAME}, DNS:mx.example`);
    expect((await open.command('NOOP')).code).toBe(250);
    expect(open.tls?.getPeerCertificate().subjectaltname).toBe(`DNS:${NAME}`);
    expect((await pod.status()).running).toBe('one');
  });

  test('stays the last good one while what is mounted is no pair, or only half of it', async () => {
    folders.tls.set(tlsFiles(first));
    folders.config.set(volume({ proven: packed(config()) }));
    await expect.poll(() => pod.isReady(), UNTIL).toBe(true);
    folders.tls.set(tlsFiles({ certificate: second.certificate, key: first.key }));
    await pod.process.waitForOutput(/mounted TLS certificate is not used: the key does not belong/);
    folders.tls.set({ 'tls.crt': second.certificate });
    folders.config.set(volume({ proven: packed(config('two')) }));
    await expect.poll(async () => (await pod.status()).running, UNTIL).toBe('two');
    expect(await namesShown()).toBe(`DNS:${NAME}`);
  });

  test("is the configuration's own until one is mounted", async () => {
    const own = {
      ...config(),
      fleet: { ...config().fleet, tls: { minVersion: 'TLSv1.2' as const, certificate: 'c', key: 'k' } },
    };
    const credentials = new Map([
      ['c', second.certificate],
      ['k', second.key],
    ]);
    folders.config.set(volume({ proven: packed(own, credentials) }));
    await expect.poll(() => pod.isReady(), UNTIL).toBe(true);
    expect(await namesShown()).toBe(`DNS:${NAME}, DNS:mx.example`);
    folders.tls.set(tlsFiles(first));
    await expect.poll(namesShown, UNTIL).toBe(`DNS:${NAME}`);
  });
});
