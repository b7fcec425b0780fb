import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claimOf, sending, sendOne, told } from './sending.ts';
import { hopWith, type Identities, makeIdentities, smtpServer, TAKEN_BY_SMTP_SERVER, type Tls } from './tls-peer.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

afterAll(() => identities.folder.remove());

describe('AUTH', () => {
  const VERIFIED: Tls = { mode: 'Verified', ca: 'authority' };
  const auth = { username: 'user', password: 'password' };

  test.each(['PLAIN', 'LOGIN'])('%s', async (method) => {
    const { port, seen } = await smtpServer(identities, identities.good, {
      authMethods: [method],
      authOptional: false,
    });
    expect(await sendOne(sending(hopWith(identities, port, VERIFIED, { auth })))).toMatch(TAKEN_BY_SMTP_SERVER);
    expect(seen.users).toEqual([method]);
  });

  test('a wrong password is a refusal that does not repeat it', async () => {
    const { port } = await smtpServer(identities, identities.good, { authOptional: false });
    const nextHops = sending(hopWith(identities, port, VERIFIED, { auth: { username: 'user', password: 'wrong' } }));
    const result = await claimOf(nextHops).recipient('a@t.example');
    expect(told(result)).toMatch(/^auth: 535 /);
    expect(JSON.stringify(result)).not.toContain('guess');
  });

  test.each<Tls>([{ mode: 'Required' }, { mode: 'Opportunistic' }])('never without verification: %j', async (tls) => {
    const { port, seen } = await smtpServer(identities, identities.good);
    const result = await claimOf(sending(hopWith(identities, port, tls, { auth }))).recipient('a@t.example');
    expect(told(result)).toBe('auth: nothing');
    expect(result).toHaveProperty('refusal.cause', expect.stringMatching(/Verified or Implicit/));
    expect(seen.users).toEqual([]);
  });

  test('not offered is a refusal that says what is', async () => {
    const { port } = await smtpServer(identities, identities.good, { authMethods: ['CRAM-MD5'] });
    const result = await claimOf(sending(hopWith(identities, port, VERIFIED, { auth }))).recipient('a@t.example');
    expect(result).toHaveProperty(
      'refusal.cause',
      expect.stringMatching(/neither AUTH PLAIN nor LOGIN, only: CRAM-MD5/),
    );
  });
});
