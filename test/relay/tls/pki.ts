/** Certificates with any extension, made by openssl: what a good authority would never issue included. */

import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificateFolder } from '../../support/certificates.ts';
import { runOrThrow } from '../../support/child-process.ts';

export interface Made {
  readonly file: string;
  readonly keyFile: string;
  readonly pem: string;
  readonly keyPem: string;
  readonly certificate: X509Certificate;
}

export interface Wish {
  readonly subject: string;
  /** Lines of openssl's x509v3_config. */
  readonly extensions: readonly string[];
  /** Default: signed by its own key. */
  readonly issuer?: Made;
  readonly days?: number;
  /** Arguments of `openssl genpkey`. */
  readonly key?: readonly string[];
  readonly digest?: string;
}

export const EC_KEY = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
export const AUTHORITY = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];

export class Pki {
  readonly #folder = certificateFolder();
  #count = 0;

  async make(wish: Wish): Promise<Made> {
    this.#count += 1;
    const prefix = join(this.#folder.directory, String(this.#count));
    const [keyFile, file, request, extensions] = ['key', 'pem', 'csr', 'ext'].map((end) => `${prefix}.${end}`) as [
      string,
      string,
      string,
      string,
    ];
    writeFileSync(extensions, `${wish.extensions.join('\n')}\n`);
    await runOrThrow('openssl', ['genpkey', ...(wish.key ?? EC_KEY), '-out', keyFile]);
    await runOrThrow('openssl', ['req', '-new', '-key', keyFile, '-subj', wish.subject, '-out', request]);
    const signer =
      wish.issuer === undefined ? ['-signkey', keyFile] : ['-CA', wish.issuer.file, '-CAkey', wish.issuer.keyFile];
    await runOrThrow('openssl', [
      ...['x509', '-req', '-in', request, '-out', file, '-extfile', extensions, ...signer],
      ...['-days', String(wish.days ?? 30), '-set_serial', String(this.#count), `-${wish.digest ?? 'sha256'}`],
    ]);
    const pem = readFileSync(file, 'utf8');
    return { file, keyFile, pem, keyPem: readFileSync(keyFile, 'utf8'), certificate: new X509Certificate(pem) };
  }

  remove(): void {
    this.#folder.remove();
  }
}
