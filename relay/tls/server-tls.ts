/** What a front needs to know of TLS: the certificate of now, for the next handshake. */

import type { SecureContext } from 'node:tls';

export interface ServerTlsContexts {
  readonly plain: SecureContext;
  /** For clients that are asked for a certificate: no session tickets, since a resumed session does not show the chain again. */
  readonly asking: SecureContext;
}

export interface ServerTls {
  /** undefined: no certificate, so STARTTLS is not offered. */
  current(): ServerTlsContexts | undefined;
}
