/** Makes authorities and leaf certificates with openssl: names, purposes, key type and dates as a test needs them. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runOrThrow } from './child-process.ts';
import { ensurePackages } from './debian.ts';

export interface Identity {
  /** Paths of PEM files. */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Their texts. */
  readonly certificate: string;
  readonly key: string;
}

export interface LeafOptions {
  /** Subject alternative names; IP addresses are told apart by their look. */
  readonly names: readonly string[];
  /** Default: both. */
  readonly usage?: readonly ('serverAuth' | 'clientAuth')[];
  /** Default: an hour ago. */
  readonly notBefore?: Date;
  /** Default: in 30 days. */
  readonly notAfter?: Date;
  /** Default: EC, the quickest to make. */
  readonly keyType?: 'EC' | 'RSA';
}

export interface Authority extends Identity {
  issue(options: LeafOptions): Promise<Identity>;
}

export interface CertificateFolder {
  readonly directory: string;
  /** A new self-signed authority. */
  authority(commonName: string): Promise<Authority>;
  remove(): void;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export function certificateFolder(): CertificateFolder {
  ensurePackages(['openssl']);
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-certificates-'));
  let count = 0;
  return {
    directory,
    authority: (commonName) => {
      count += 1;
      return makeAuthority(join(directory, `authority-${count}`), commonName);
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function makeAuthority(prefix: string, commonName: string): Promise<Authority> {
  const keyFile = `${prefix}.key`;
  const certificateFile = `${prefix}.pem`;
  await makeKey(keyFile, 'EC');
  const extensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
  const subject = ['-subj', `/CN=${commonName}`, '-days', '3650'];
  const added = extensions.flatMap((extension) => ['-addext', extension]);
  await runOrThrow('openssl', ['req', '-x509', '-new', '-key', keyFile, '-out', certificateFile, ...subject, ...added]);
  let count = 0;
  return {
    ...identity(certificateFile, keyFile),
    issue: (options) => {
      count += 1;
      return issue(prefix, `${prefix}-leaf-${count}`, options);
    },
  };
}

async function issue(authority: string, leaf: string, options: LeafOptions): Promise<Identity> {
  const keyFile = `${leaf}.key`;
  const certificateFile = `${leaf}.pem`;
  await makeKey(keyFile, options.keyType ?? 'EC');
  const names = options.names.map((name) => `${/^[\d.]+$|:/.test(name) ? 'IP' : 'DNS'}:${name}`).join(',');
  writeFileSync(`${leaf}.index`, '');
  writeFileSync(
    `${leaf}.conf`,
    `[ca]
default_ca = one
[one]
database = ${leaf}.index
new_certs_dir = ${join(leaf, '..')}
rand_serial = yes
default_md = sha256
policy = anything
x509_extensions = leaf
[anything]
commonName = optional
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = ${(options.usage ?? ['serverAuth', 'clientAuth']).join(',')}
subjectAltName = ${names}
`,
  );
  // The subject is not where names are looked for (RFC 9525 section 2), and its common name holds 64 characters at most.
  await runOrThrow('openssl', ['req', '-new', '-key', keyFile, '-out', `${leaf}.csr`, '-subj', '/CN=leaf']);
  // "openssl ca" rather than "openssl x509": of the two only it takes a beginning in the past before OpenSSL 3.4.
  const dates = [
    ...['-startdate', asn1Time(options.notBefore ?? new Date(Date.now() - HOUR_MS))],
    ...['-enddate', asn1Time(options.notAfter ?? new Date(Date.now() + 30 * DAY_MS))],
  ];
  const signer = ['-cert', `${authority}.pem`, '-keyfile', `${authority}.key`];
  const files = ['-in', `${leaf}.csr`, '-out', certificateFile];
  await runOrThrow('openssl', ['ca', '-batch', '-notext', '-config', `${leaf}.conf`, ...signer, ...files, ...dates]);
  return identity(certificateFile, keyFile);
}

async function makeKey(file: string, type: 'EC' | 'RSA'): Promise<void> {
  const algorithm =
    type === 'EC' ? ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'];
  await runOrThrow('openssl', ['genpkey', '-algorithm', ...algorithm, '-out', file]);
}

function identity(certificateFile: string, keyFile: string): Identity {
  return {
    certificateFile,
    keyFile,
    certificate: readFileSync(certificateFile, 'utf8'),
    key: readFileSync(keyFile, 'utf8'),
  };
}

/** `20261122060112Z` */
function asn1Time(date: Date): string {
  return `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
}
