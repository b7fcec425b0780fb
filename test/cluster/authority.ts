/** The certificate authority of one cluster: names and groups as Kubernetes reads them, and kubeconfig files that carry them. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { runOrThrow } from '../support/child-process.ts';
import { readFileSync } from 'node:fs';

export interface KeyPair {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface Authority {
  readonly certificateFile: string;
  /** PEM. */
  readonly certificate: string;
  /** `subject` as openssl writes it: `/O=system:masters/CN=admin`. */
  issue(name: string, subject: string, alternativeNames?: readonly string[]): Promise<KeyPair>;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
/** Longer than a cluster that somebody keeps running for an afternoon, or for a week. */
const DAYS = '60';

export async function makeAuthority(folder: string): Promise<Authority> {
  const certificateFile = join(folder, 'ca.crt');
  const keyFile = join(folder, 'ca.key');
  const own = ['-subj', '/CN=isthmus-test-cluster', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  const out = ['-keyout', keyFile, '-out', certificateFile, '-days', DAYS];
  await runOrThrow('openssl', ['req', '-x509', '-new', ...NEW_KEY, ...own, ...out]);
  return {
    certificateFile,
    certificate: readFileSync(certificateFile, 'utf8'),
    issue: async (name, subject, alternativeNames = []) => {
      const pair = { certificateFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
      const names = alternativeNames.map((each) => `${/^[\d.]+$/.test(each) ? 'IP' : 'DNS'}:${each}`);
      const extensions = [
        'basicConstraints=critical,CA:FALSE',
        'extendedKeyUsage=serverAuth,clientAuth',
        ...(names.length > 0 ? [`subjectAltName=${names.join(',')}`] : []),
      ];
      await runOrThrow('openssl', [
        ...['req', '-x509', '-new', ...NEW_KEY, '-subj', subject, '-CA', certificateFile, '-CAkey', keyFile],
        ...extensions.flatMap((extension) => ['-addext', extension]),
        ...['-keyout', pair.keyFile, '-out', pair.certificateFile, '-days', DAYS],
      ]);
      return pair;
    },
  };
}

export type Credentials = KeyPair | { readonly token: string };

/** Writes a kubeconfig with everything embedded, so that the file alone is enough. */
export function writeKubeconfig(
  path: string,
  { server, ca, credentials, namespace }: { server: string; ca: string; credentials: Credentials; namespace?: string },
): string {
  const encoded = (file: string) => readFileSync(file).toString('base64');
  const user =
    'token' in credentials
      ? credentials
      : {
          'client-certificate-data': encoded(credentials.certificateFile),
          'client-key-data': encoded(credentials.keyFile),
        };
  const cluster = { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  const context = { cluster: 'test', user: 'test', ...(namespace === undefined ? {} : { namespace }) };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user }],
    contexts: [{ name: 'test', context }],
    'current-context': 'test',
  };
  writeFileSync(path, stringify(config), { mode: 0o600 });
  return path;
}
