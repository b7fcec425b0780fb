/**
 * How long the sending side waits for what, in milliseconds: the values of production, and the one place that names
 * them all.
 */

export interface Durations {
  /** TCP connections to all addresses of one host together. */
  readonly connect: number;
  readonly greeting: number;
  /** A TLS handshake. */
  readonly handshake: number;
  /** EHLO, STARTTLS, AUTH, MAIL, RCPT and RSET, each. */
  readonly command: number;
  readonly data: number;
  /** One piece of the content until the next hop has room for the next one. */
  readonly block: number;
  readonly finalDot: number;
  /** How long a claim stays open without deliver() before it is let go. */
  readonly claim: number;
  /** How long an unused connection is kept. */
  readonly idle: number;
  /** How old a connection may become before it is not used again. */
  readonly age: number;
  /** How long a claim waits for a free connection. */
  readonly slot: number;
  /** How old an unused claim must be before another one that waits takes its connection. */
  readonly yield: number;
  /** How long a host that could not be reached is tried after the others. */
  readonly down: number;
  /** First pause after a next hop asked for less mail; doubled each time, up to `pauseMost`. */
  readonly pause: number;
  readonly pauseMost: number;
  /** One DNS query to one server. */
  readonly query: number;
}

export const DURATIONS: Durations = {
  connect: 30_000,
  // RFC 5321 §4.5.3.2.1 to §4.5.3.2.6: five minutes for greeting, MAIL and RCPT, two for DATA, three a block, ten
  // after the dot.
  greeting: 300_000,
  // Two round trips and a signature; what takes longer hangs, and opportunistic TLS must leave time for clear text.
  handshake: 30_000,
  command: 300_000,
  data: 120_000,
  block: 180_000,
  finalDot: 600_000,
  // Servers drop idle transactions after one to five minutes.
  claim: 30_000,
  // Long enough for the pauses of ordinary traffic, short enough not to hold a next hop's scarce connections (Postfix
  // keeps them 2 s).
  idle: 15_000,
  // After five minutes DNS and the next hop's load balancer may send us elsewhere.
  age: 300_000,
  // Within the five minutes a client waits for its RCPT, and long enough for every claim in front to be let go.
  slot: 60_000,
  // A client that sends its message at once is done sooner; one that has not begun to is slow.
  yield: 500,
  down: 60_000,
  pause: 1_000,
  pauseMost: 60_000,
  query: 5_000,
};
