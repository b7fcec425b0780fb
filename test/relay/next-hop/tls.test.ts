import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Identity } from '../../support/certificates.ts';
import { start } from '../../support/child-process.ts';
import { freePort } from '../../support/free-port.ts';
import { CLOSE } from './scripted-peer.ts';
import { claimOf, configFor, message, peer, sending, sendOne, soon, told } from './sending.ts';
import { hopWith, type Identities, makeIdentities, smtpServer, TAKEN_BY_SMTP_SERVER, type Tls } from './tls-peer.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

afterAll(() => identities.folder.remove());

describe('a certificate', () => {
  const cases: [string, () => Identity, Tls, RegExp][] = [
    ['Opportunistic', () => identities.expired, { mode: 'Opportunistic' }, TAKEN_BY_SMTP_SERVER],
    ['Required', () => identities.expired, { mode: 'Required' }, TAKEN_BY_SMTP_SERVER],
    ['Verified', () => identities.good, { mode: 'Verified', ca: 'authority' }, TAKEN_BY_SMTP_SERVER],
    [
      'Verified with serverName',
      () => identities.good,
      { mode: 'Verified', ca: 'authority', serverName: 'mx.tenant1.example' },
      TAKEN_BY_SMTP_SERVER,
    ],
    [
      'Verified with another serverName',
      () => identities.good,
      { mode: 'Verified', ca: 'authority', serverName: 'a.example' },
      /^starttls: nothing/,
    ],
    [
      'Verified, for another name',
      () => identities.otherName,
      { mode: 'Verified', ca: 'authority' },
      /^starttls: nothing/,
    ],
    [
      'Verified, of another authority',
      () => identities.good,
      { mode: 'Verified', ca: 'stranger' },
      /^starttls: nothing/,
    ],
    ['Verified, of none of Node’s roots', () => identities.good, { mode: 'Verified' }, /^starttls: nothing/],
    ['Verified, expired', () => identities.expired, { mode: 'Verified', ca: 'authority' }, /^starttls: nothing/],
  ];

  test.each(cases)('%s', async (_what, identity, tls, expected) => {
    const { port, seen } = await smtpServer(identities, identity());
    const nextHops = sending(hopWith(identities, port, tls));
    const claim = claimOf(nextHops);
    const asked = await claim.recipient('a@t.example');
    const result = asked.ok ? await claim.deliver(message(), soon()) : asked;
    expect(told(result)).toMatch(expected);
    expect(seen.encrypted).toEqual(result.ok ? [true] : []);
    if (result.ok) {
      expect(claim.connection?.tls).toMatchObject({ version: 'TLSv1.3', verified: tls.mode === 'Verified' });
      expect(claim.connection?.tls?.cipher).toMatch(/^TLS_/);
    }
  });

  test.each<[Tls, boolean]>([
    [{ mode: 'Implicit', ca: 'authority' }, true],
    [{ mode: 'Implicit', ca: 'authority', serverName: 'a.example' }, false],
    [{ mode: 'Implicit' }, false],
  ])('TLS from the first octet is verified: %j %s', async (tls, works) => {
    const { port, seen } = await smtpServer(identities, identities.good, { secure: true });
    expect(await sendOne(sending(hopWith(identities, port, tls)))).toMatch(
      works ? TAKEN_BY_SMTP_SERVER : /^starttls: nothing/,
    );
    expect(seen.encrypted).toEqual(works ? [true] : []);
  });
});

describe('STARTTLS that cannot be had', () => {
  const REFUSED = { EHLO: '250-peer.example\r\n250 STARTTLS', STARTTLS: '454 4.7.0 not now' };
  test.each<[Tls['mode'], string]>([
    ['Opportunistic', '250 2.0.0 taken'],
    ['Required', 'starttls: nothing'],
    ['Verified', 'starttls: nothing'],
  ])('not offered, %s', async (mode, expected) => {
    const to = await peer({});
    expect(await sendOne(sending(hopWith(identities, to.port, { mode })))).toBe(expected);
  });

  test.each<[Tls['mode'], string]>([
    ['Opportunistic', '250 2.0.0 taken'],
    ['Required', 'starttls: 454 4.7.0 not now'],
    ['Verified', 'starttls: 454 4.7.0 not now'],
  ])('refused, %s', async (mode, expected) => {
    const to = await peer(REFUSED);
    expect(await sendOne(sending(hopWith(identities, to.port, { mode })))).toBe(expected);
  });

  test.each<[Tls['mode'], string]>([
    ['Opportunistic', '250 2.0.0 taken'],
    ['Required', 'starttls: nothing'],
    ['Verified', 'starttls: nothing'],
  ])('broken, %s: clear text, if at all, over a new connection', async (mode, expected) => {
    const to = await peer({ EHLO: '250-peer.example\r\n250 STARTTLS', STARTTLS: `220 go${CLOSE}` });
    expect(await sendOne(sending(hopWith(identities, to.port, { mode })))).toBe(expected);
    expect(to.conversations[0]?.contents).toEqual([]);
    expect(to.conversations).toHaveLength(mode === 'Opportunistic' ? 2 : 1);
  });

  test('a handshake that hangs, Opportunistic: clear text when its time is over', async () => {
    const to = await peer({ EHLO: '250-peer.example\r\n250 STARTTLS', STARTTLS: '220 go' });
    const nextHops = sending({
      ...hopWith(identities, to.port, { mode: 'Opportunistic' }),
      durations: { handshake: 1_000 },
    });
    expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
  });

  test('too old: TLS 1.1 is none', async () => {
    const port = await freePort();
    const args = [
      's_server',
      '-accept',
      `127.0.0.1:${port}`,
      '-cert',
      identities.good.certificateFile,
      '-key',
      identities.good.keyFile,
    ];
    const server = start('openssl', [...args, '-www', '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']);
    onTestFinished(async () => {
      await server.stop();
    });
    await server.waitForPort('127.0.0.1', port);
    const result = await claimOf(sending(hopWith(identities, port, { mode: 'Implicit', ca: 'authority' }))).recipient(
      'a@t.example',
    );
    expect(told(result)).toBe('starttls: nothing');
    expect(result).toHaveProperty('refusal.cause', expect.stringMatching(/no TLS: .*(protocol|version)/i));
  });

  test('certificate or key that cannot be used: the refusal says so', async () => {
    const { port } = await smtpServer(identities, identities.good);
    const clientCertificate = { certificate: 'broken', key: 'broken' };
    const nextHops = sending(hopWith(identities, port, { mode: 'Required' }, { clientCertificate }));
    const result = await claimOf(nextHops).recipient('a@t.example');
    expect(result).toHaveProperty('refusal.cause', expect.stringMatching(/client certificate or the authorities/));
  });
});

test('what an attacker put behind the reply to STARTTLS is not believed', async () => {
  const injected = '220 go\r\n250-evil.example\r\n250 AUTH PLAIN';
  const to = await peer({ EHLO: '250-peer.example\r\n250 STARTTLS', STARTTLS: injected, certificate: identities.good });
  const nextHops = sending(hopWith(identities, to.port, { mode: 'Required' }));
  const result = await claimOf(nextHops).recipient('a@t.example');
  expect(told(result)).toBe('starttls: nothing');
  expect(result).toHaveProperty('refusal.cause', expect.stringMatching(/injection|without being asked/));
});

test('what was offered before TLS counts for nothing after it', async () => {
  const to = await peer({
    EHLO: ['250-a\r\n250-SIZE 5\r\n250 STARTTLS', '250 a'],
    STARTTLS: '220 go',
    certificate: identities.good,
  });
  const nextHops = sending(hopWith(identities, to.port, { mode: 'Verified', ca: 'authority' }));
  expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
  expect(to.conversations[0]?.commands.filter((line) => line.startsWith('EHLO'))).toHaveLength(2);
});

describe('a client certificate', () => {
  test('is shown where it is configured', async () => {
    const { port, seen } = await smtpServer(identities, identities.good);
    const clientCertificate = { certificate: 'certificate', key: 'key' };
    await sendOne(sending(hopWith(identities, port, { mode: 'Required' }, { clientCertificate })));
    await sendOne(sending(hopWith(identities, port, { mode: 'Required' })));
    expect(seen.clients).toEqual(['DNS:relay.shared.example', undefined]);
  });
});

describe('TLS sessions', () => {
  test('are resumed within a route, and not once anything about it has changed', async () => {
    const { port, seen } = await smtpServer(identities, identities.good);
    const { hop, credentials } = hopWith(identities, port, { mode: 'Verified', ca: 'authority' });
    // MAILMAX by hand: with no time to rest every message takes a new connection.
    const nextHops = sending({ hop, credentials, durations: { age: 0 } });
    await sendOne(nextHops);
    await sendOne(nextHops);
    nextHops.update(configFor({ hop, generation: '2' }), new Map(Object.entries(credentials)));
    await sendOne(nextHops);
    const clientCertificate = { certificate: 'certificate', key: 'key' };
    const shown = configFor({ hop: { ...hop, clientCertificate }, generation: '2' });
    nextHops.update(shown, new Map(Object.entries(credentials)));
    await sendOne(nextHops);
    expect(seen.reused).toEqual([false, true, false, false]);
    expect(seen.clients.at(-1)).toBe('DNS:relay.shared.example');
  });

  test('of a handshake that failed are not kept', async () => {
    const { port, seen } = await smtpServer(identities, identities.otherName);
    const nextHops = sending({
      ...hopWith(identities, port, { mode: 'Verified', ca: 'authority' }),
      durations: { age: 0 },
    });
    for (let count = 0; count < 3; count += 1) expect(await sendOne(nextHops)).toBe('starttls: nothing');
    expect(seen.encrypted).toEqual([]);
  });
});
