/** How connections of one route are encrypted, with a TLS session cache that no other route shares. */

import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, createSecureContext, type SecureContext } from 'node:tls';
import type { Credentials, NextHopConfig } from '../core/config.ts';

export type TlsMode = NextHopConfig['tls']['mode'];

export interface TlsSettings {
  readonly mode: TlsMode;
  readonly serverName: string | undefined;
  readonly ca: string | undefined;
  readonly clientCertificate: { readonly certificate: string; readonly key: string } | undefined;
}

/** TLS to a stranger's mail exchanger: nothing is verified (RFC 7435), nothing of ours is shown. */
export const OPPORTUNISTIC: TlsSettings = {
  mode: 'Opportunistic',
  serverName: undefined,
  ca: undefined,
  clientCertificate: undefined,
};

/** Throws when a credential the configuration names did not come with it: its author's broken promise. */
export function tlsSettings(nextHop: NextHopConfig, credentials: Credentials): TlsSettings {
  const { tls, clientCertificate } = nextHop;
  return {
    mode: tls.mode,
    serverName: tls.serverName,
    ca: tls.ca === undefined ? undefined : credentialOf(credentials, tls.ca),
    clientCertificate: clientCertificate && {
      certificate: credentialOf(credentials, clientCertificate.certificate),
      key: credentialOf(credentials, clientCertificate.key),
    },
  };
}

export function credentialOf(credentials: Credentials, id: string): string {
  const value = credentials.get(id);
  if (value === undefined) throw new Error(`the configuration names credential "${id}", which did not come with it`);
  return value;
}

export class TlsPolicy {
  readonly mode: TlsMode;
  readonly #settings: TlsSettings;
  /** By host and port. A session resumed for another tenant would make that tenant's mail this one's. */
  readonly #sessions = new Map<string, Buffer>();
  #context: SecureContext | undefined;

  constructor(settings: TlsSettings) {
    this.mode = settings.mode;
    this.#settings = settings;
  }

  get isImplicit(): boolean {
    return this.mode === 'Implicit';
  }

  /**
   * Chain and name are checked. TLS from the first octet is always verified: there is no clear text to fall back to,
   * so no reason not to.
   */
  get verifies(): boolean {
    return this.mode === 'Verified' || this.mode === 'Implicit';
  }

  get isDemanded(): boolean {
    return this.mode !== 'Opportunistic';
  }

  /** Throws when certificate, key or authorities cannot be used. */
  options(host: string, port: number): ConnectionOptions {
    const { serverName, ca, clientCertificate } = this.#settings;
    this.#context ??= createSecureContext({
      // RFC 8996: older versions are not TLS any more.
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca }),
      ...(clientCertificate === undefined ? {} : { cert: clientCertificate.certificate, key: clientCertificate.key }),
    });
    const name = serverName ?? host;
    const session = this.#sessions.get(`${host}:${port}`);
    return {
      secureContext: this.#context,
      rejectUnauthorized: this.verifies,
      // RFC 6066 §3: SNI carries no addresses.
      ...(isIP(name) === 0 ? { servername: name } : {}),
      checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
      ...(session === undefined ? {} : { session }),
    };
  }

  /**
   * To be called only after the handshake, certificate and all, has succeeded: Node does not check the name of a
   * resumed session again.
   */
  remember(host: string, port: number, session: Buffer): void {
    this.#sessions.set(`${host}:${port}`, session);
  }

  forget(): void {
    this.#sessions.clear();
  }
}
