/**
 * Certificates and keys under the names by which cases put them into Secrets: `$relay.crt`. Made anew on every run;
 * no output shows them.
 */

import { generateKeyPairSync } from 'node:crypto';
import { certificateFolder } from '../../support/certificates.ts';

const YEAR_MS = 365 * 86_400_000;

/** `now` is when the case is compiled: the certificates are valid, expired or about to expire then. */
export async function pemTexts(now: number): Promise<ReadonlyMap<string, string>> {
  const folder = certificateFolder();
  try {
    const authority = await folder.authority('Authority of the tests');
    const valid = { notBefore: new Date(now - YEAR_MS), notAfter: new Date(now + YEAR_MS) };
    const relay = await authority.issue({ names: ['relay.shared.example'], ...valid });
    const wildcard = await authority.issue({ names: ['*.example'], ...valid });
    const expired = await authority.issue({
      ...valid,
      names: ['relay.shared.example'],
      notAfter: new Date(now - 1000),
    });
    const ending = await authority.issue({
      ...valid,
      names: ['relay.shared.example'],
      notAfter: new Date(now + YEAR_MS / 50),
    });
    return new Map([
      ['authority.crt', authority.certificate],
      ['relay.crt', relay.certificate],
      ['relay.key', relay.key],
      ['wildcard.crt', wildcard.certificate],
      ['wildcard.key', wildcard.key],
      ['expired.crt', expired.certificate],
      ['expired.key', expired.key],
      ['ending.crt', ending.certificate],
      ['ending.key', ending.key],
      ['rsa2048.key', rsaKey(2048)],
      ['other-rsa2048.key', rsaKey(2048)],
      ['rsa1024.key', rsaKey(1024)],
      ['ed25519.key', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ]);
  } finally {
    folder.remove();
  }
}

function rsaKey(modulusLength: number): string {
  return generateKeyPairSync('rsa', { modulusLength }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
