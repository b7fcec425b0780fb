/** smtp-server's server object, reduced to what its connections need of it: no listener, no logger, never its built-in certificate. */

import type { SecureContext } from 'node:tls';
import { SMTPServer } from 'smtp-server';

export class ConnectionHost extends SMTPServer {
  constructor() {
    super({ logger: false, disabledCommands: ['AUTH'], rejectUnauthorized: false });
    // Every connection handles its own errors; an event without a listener would end the process.
    this.on('error', () => undefined);
  }

  /** Called by the base constructor, which would load a certificate whose key everybody knows. */
  override updateSecureContext(): void {
    this.secureContext = new Map();
  }

  /** upgrade() reads both while it runs, before it returns. */
  prepareTls(context: SecureContext, requestCertificate: boolean): void {
    this.secureContext.set('*', context);
    this.options.requestCert = requestCertificate;
  }
}
