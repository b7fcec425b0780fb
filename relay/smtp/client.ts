/** What is known about a connected client, filled in as the conversation goes on. */

import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ClientConnection, ClientTls } from './session.ts';

export interface Endpoints {
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export class ConnectedClient implements ClientConnection {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
  heloName = '';
  extended = false;
  tls: ClientTls | undefined = undefined;

  constructor(id: string, endpoints: Endpoints) {
    this.id = id;
    this.address = endpoints.address;
    this.port = endpoints.port;
    this.localAddress = endpoints.localAddress;
    this.localPort = endpoints.localPort;
  }
}

/** More than any real chain; a client may send as many as it likes. */
const CHAIN_LENGTH = 8;

export function describeTls(socket: TLSSocket): ClientTls {
  const certificate = socket.getPeerX509Certificate();
  const chain: X509Certificate[] = [];
  let next = certificate?.issuerCertificate;
  while (next !== undefined && chain.length < CHAIN_LENGTH) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return { version: socket.getProtocol() ?? '', cipher: socket.getCipher().standardName, certificate, chain };
}
