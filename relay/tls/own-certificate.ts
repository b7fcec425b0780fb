/** The self-signed certificate, kept under the data folder so that it stays the same from start to start. */

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCertificates } from './pem.ts';
import { makeSelfSigned } from './self-signed.ts';
import { checkIdentity, type ServerIdentity } from './server-context.ts';

const FILE = 'self-signed.pem';

/** Reads it, or makes it when there is none, or none for this name that is still valid. Rejects when the folder cannot be written. */
export async function ownCertificate(folder: string, hostname: string, now: Date): Promise<ServerIdentity> {
  const path = join(folder, FILE);
  const kept = await readKept(path);
  if (kept !== undefined && isUsable(kept, hostname, now)) return kept;
  const made = makeSelfSigned(hostname, now);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // A new file, renamed over the old one: a reader, or the next start after a crash, finds a whole one.
  const fresh = `${path}.${process.pid}.new`;
  await writeFile(fresh, made.certificate + made.key, { mode: 0o600, flag: 'w' });
  await rename(fresh, path);
  return (await readKept(path)) ?? made;
}

async function readKept(path: string): Promise<ServerIdentity | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    // Both stand in one file, which therefore can never hold a key of another certificate.
    return { certificate: text, key: text.slice(Math.max(0, text.indexOf('-----BEGIN PRIVATE KEY-----'))) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`cannot read the self-signed certificate ${path}`, { cause: error });
  }
}

function isUsable(identity: ServerIdentity, hostname: string, now: Date): boolean {
  const check = checkIdentity(identity, now);
  const certificates = readCertificates(identity.certificate);
  if (!check.ok || check.warnings.length > 0 || !certificates.ok) return false;
  return certificates.value[0].checkHost(hostname, { subject: 'never' }) !== undefined;
}
