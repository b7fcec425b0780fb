/**
 * The keys of trace fields of a relay that runs from files, kept in the data folder: `signing.key` signs, and
 * `previous.key`, when it is there, is still believed. To change the key, rename the one to the other and start again.
 */

import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SECRET_KEYS } from '../crds/v1alpha1/references.ts';
import { SIGNING_KEY_OCTETS } from '../operator/compile/credentials.ts';
import { CommandLineError } from './command-line.ts';

const ONE_LINE = /^[^\p{Cc}\ufffd]+$/u;

/**
 * The one that signs first. Makes it when there is none. A broken file is an error rather than a new key: every pass
 * counted would be forgotten.
 */
export function signingKeys(folder: string): readonly string[] {
  const file = join(folder, SECRET_KEYS.signing);
  const current = readKey(file) ?? makeKey(file);
  const previous = readKey(join(folder, SECRET_KEYS.previousSigning));
  return previous === undefined ? [current] : [current, previous];
}

function readKey(file: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CommandLineError(`${file} cannot be read: ${(error as Error).message}`, 'let its owner start the relay');
  }
  if (ONE_LINE.test(text) && Buffer.byteLength(text) >= SIGNING_KEY_OCTETS) return text;
  throw new CommandLineError(
    `${file} holds no key: one line of ${SIGNING_KEY_OCTETS} octets or more is needed`,
    'move the file away to have a new key made, or write one: openssl rand -hex 32',
  );
}

/** In one step, so that a crash leaves no half of a key. */
function makeKey(file: string): string {
  const key = randomBytes(SIGNING_KEY_OCTETS).toString('hex');
  const fresh = `${file}.${process.pid}.new`;
  try {
    writeFileSync(fresh, `${key}\n`, { mode: 0o600 });
    renameSync(fresh, file);
  } catch (error) {
    throw new CommandLineError(
      `${file} cannot be written: ${(error as Error).message}`,
      'name another folder with --data DIR',
    );
  }
  return key;
}
