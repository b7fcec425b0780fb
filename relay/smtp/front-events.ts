/** What a front tells whoever counts: a few calls without addresses, each cheap enough for every command. */

export type RefusedConnection =
  | 'connections'
  | 'connectionsPerClient'
  | 'session'
  | 'earlyTalker'
  | 'draining'
  /** A PROXY line from an address that is not trusted with it, or after the greeting. */
  | 'proxyUntrusted'
  /** Not from a load balancer, where only they may connect. */
  | 'proxyRequired'
  /** No PROXY line from a load balancer, or none that can be read. */
  | 'proxyHeader'
  | 'proxyVersion2';

export interface FrontEvents {
  connectionOpened?(): void;
  connectionClosed?(): void;
  connectionRefused?(reason: RefusedConnection): void;
  /** A command was answered; `verb` is one of the known ones, `content` for what follows DATA, or `unknown`; `code` the reply's. */
  command?(verb: string, code: number): void;
  /** Octets of content received, dots removed, when the final dot has come. */
  contentReceived?(octets: number): void;
  tlsEstablished?(version: string): void;
  tlsFailed?(error: Error): void;
  /** The session threw, or a listener failed: for the log. */
  failed?(error: unknown): void;
}
