/** Certificates, and nodemailer's smtp-server as a next hop that speaks TLS, for tests of the sending side. */

import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { onTestFinished } from 'vitest';
import type { NextHopConfig } from '../../../relay/core/config.ts';
import {
  type Authority,
  type CertificateFolder,
  certificateFolder,
  type Identity,
} from '../../support/certificates.ts';
import { tenantHop } from './sending.ts';

export interface Identities {
  readonly folder: CertificateFolder;
  readonly authority: Authority;
  readonly stranger: Authority;
  readonly good: Identity;
  readonly otherName: Identity;
  readonly expired: Identity;
  readonly client: Identity;
}

const DAY_MS = 86_400_000;

export async function makeIdentities(): Promise<Identities> {
  const folder = certificateFolder();
  const authority = await folder.authority('Test authority');
  const dates = { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) };
  return {
    folder,
    authority,
    stranger: await folder.authority('Somebody else'),
    good: await authority.issue({ names: ['mx.tenant1.example', '127.0.0.1'] }),
    otherName: await authority.issue({ names: ['mx.other.example'] }),
    expired: await authority.issue({ names: ['127.0.0.1'], ...dates }),
    client: await authority.issue({ names: ['relay.shared.example'], usage: ['clientAuth'] }),
  };
}

export interface Seen {
  /** Subject alternative names of the certificate the relay showed; one entry a connection that sent a message. */
  readonly clients: (string | undefined)[];
  readonly reused: boolean[];
  readonly encrypted: boolean[];
  readonly users: string[];
}

/** smtp-server of the nodemailer project. */
export async function smtpServer(
  { authority }: Identities,
  identity: Identity,
  options: SMTPServerOptions = {},
): Promise<{ port: number; seen: Seen }> {
  const seen: Seen = { clients: [], reused: [], encrypted: [], users: [] };
  const server = new SMTPServer({
    cert: identity.certificate,
    key: identity.key,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: false,
    authOptional: true,
    disableReverseLookup: true,
    onSecure(socket, _session, callback) {
      const secured = socket as TLSSocket;
      seen.clients.push(secured.getPeerX509Certificate()?.subjectAltName);
      seen.reused.push(secured.isSessionReused());
      callback();
    },
    onData(stream, session, callback) {
      seen.encrypted.push(session.secure);
      stream.on('end', () => callback(null)).resume();
    },
    onAuth(auth, _session, callback) {
      if (auth.username !== 'relay' || auth.password !== 'secret words') {
        callback(new Error('wrong'));
        return;
      }
      seen.users.push(auth.method);
      callback(null, { user: auth.username });
    },
    ...options,
  });
  server.on('error', () => {});
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (listening.address() as { port: number }).port, seen };
}

export type Tls = NextHopConfig['tls'];

export function hopWith(identities: Identities, port: number, tls: Tls, over: Partial<NextHopConfig> = {}) {
  const { authority, stranger, client } = identities;
  const credentials: Record<string, string> = {
    authority: authority.certificate,
    stranger: stranger.certificate,
    certificate: client.certificate,
    key: client.key,
    user: 'relay',
    password: 'secret words',
    wrong: 'guess',
    broken: 'no PEM at all',
  };
  return { hop: tenantHop(port, { tls, ...over }), credentials };
}

export const TAKEN_BY_SMTP_SERVER = /^250 .*OK/;
