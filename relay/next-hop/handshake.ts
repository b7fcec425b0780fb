/** Brings a connection from nothing to the point where MAIL may be said: TCP, TLS, greeting, EHLO, STARTTLS, AUTH. */

import type { Refusal, Stage } from '../core/delivery.ts';
import { isSuccess, type Reply, replyClass } from '../core/reply.ts';
import { Connection } from './connection.ts';
import { dial } from './dial.ts';
import type { Durations } from './durations.ts';
import { NO_EXTENSIONS, parseExtensions } from './extensions.ts';
import { refused, silent, textOf } from './refusal.ts';
import { type Account, signIn } from './sign-in.ts';
import type { TlsPolicy } from './tls-policy.ts';

export interface Endpoint {
  readonly host: string;
  readonly address: string;
  readonly port: number;
}

export interface HandshakeOptions {
  readonly tls: TlsPolicy;
  readonly account: Account | undefined;
  readonly hostname: string;
  readonly durations: Durations;
  /** performance.now() until which a TCP connection must stand, and the whole handshake. */
  readonly connectUntil: number;
  readonly until: number;
}

export type Opened =
  | { readonly ok: true; readonly connection: Connection }
  | { readonly ok: false; readonly refusal: Refusal };

/** What one try ended with; `again` asks for one more without TLS. */
type Attempt = { readonly refusal: Refusal | undefined; readonly again?: true };

export async function openConnection(endpoint: Endpoint, options: HandshakeOptions): Promise<Opened> {
  const first = await attempt(endpoint, options, true);
  // RFC 7435 §3: opportunistic TLS that fails is no reason to fail, but needs a connection that the handshake has not
  // touched.
  return first.ok || !first.again ? first : attempt(endpoint, options, false);
}

async function attempt(
  endpoint: Endpoint,
  options: HandshakeOptions,
  withTls: boolean,
): Promise<Opened & { readonly again?: true }> {
  const { host, address, port } = endpoint;
  const dialled = await dial(address, port, options.connectUntil - performance.now());
  if (!dialled.ok) return { ok: false, refusal: silent('connect', `${host} [${address}]:${port}: ${dialled.cause}`) };
  const connection = new Connection(dialled.socket, host, address, port);
  const { refusal, again } = await greet(connection, options, withTls);
  if (refusal === undefined) return { ok: true, connection };
  // The greeting or EHLO may have been refused in a conversation that still stands.
  connection.quit();
  const located = { ...refusal, cause: `${host} [${address}]:${port}: ${refusal.cause}` };
  return again === true ? { ok: false, refusal: located, again } : { ok: false, refusal: located };
}

async function greet(connection: Connection, options: HandshakeOptions, withTls: boolean): Promise<Attempt> {
  const { tls, durations, until } = options;
  if (tls.isImplicit) {
    const failure = await encrypt(connection, options);
    if (failure !== undefined) return { refusal: silent('starttls', failure) };
  }
  const [greeting] = await connection.ask('', 1, durations.greeting, until);
  if (greeting?.code !== 220) return { refusal: said(connection, 'greeting', greeting) };
  const refusal = await introduce(connection, options);
  if (refusal !== undefined) return { refusal };
  if (!tls.isImplicit && withTls) {
    const result = await startTls(connection, options);
    if (result !== undefined) return result;
  }
  if (options.account === undefined) return { refusal: undefined };
  return { refusal: await signIn(connection, options.account, durations.command, until) };
}

async function introduce(connection: Connection, options: HandshakeOptions): Promise<Refusal | undefined> {
  const { hostname, durations, until } = options;
  const [ehlo] = await connection.ask(`EHLO ${hostname}\r\n`, 1, durations.command, until);
  if (ehlo !== undefined && isSuccess(ehlo)) {
    connection.extensions = parseExtensions(ehlo);
    return undefined;
  }
  connection.extensions = NO_EXTENSIONS;
  // RFC 5321 §3.2: a server that knows no EHLO says 5xx and is greeted with HELO.
  if (ehlo === undefined || replyClass(ehlo) !== 'permanent') return said(connection, 'ehlo', ehlo);
  const [helo] = await connection.ask(`HELO ${hostname}\r\n`, 1, durations.command, until);
  return helo !== undefined && isSuccess(helo) ? undefined : said(connection, 'ehlo', helo);
}

/** undefined when the conversation may go on. */
async function startTls(connection: Connection, options: HandshakeOptions): Promise<Attempt | undefined> {
  const { tls, durations, until } = options;
  if (!connection.extensions.startTls) {
    return tls.isDemanded ? { refusal: silent('starttls', 'it does not offer STARTTLS') } : undefined;
  }
  const [reply] = await connection.ask('STARTTLS\r\n', 1, durations.command, until);
  if (reply === undefined || reply.code !== 220) {
    const refusal = said(connection, 'starttls', reply);
    return tls.isDemanded ? { refusal } : { refusal, again: true };
  }
  const failure = await encrypt(connection, options);
  if (failure !== undefined) {
    const refusal = silent('starttls', failure);
    return tls.isDemanded ? { refusal } : { refusal, again: true };
  }
  // RFC 3207 §4.2: what it said before TLS counts for nothing.
  const refusal = await introduce(connection, options);
  return refusal === undefined ? undefined : { refusal };
}

async function encrypt(connection: Connection, options: HandshakeOptions): Promise<string | undefined> {
  const { tls, durations, until } = options;
  const { host, port } = connection;
  try {
    const settings = tls.options(host, port);
    const failure = await connection.secure(settings, durations.handshake, until, (session) =>
      tls.remember(host, port, session),
    );
    return failure === undefined ? undefined : `no TLS: ${failure}`;
  } catch (cause) {
    return `the client certificate or the authorities cannot be used: ${textOf(cause)}`;
  }
}

function said(connection: Connection, stage: Stage, reply: Reply | undefined): Refusal {
  if (reply === undefined) return silent(stage, connection.lostCause ?? 'no answer');
  return refused(stage, reply, `it refuses at ${stage}`);
}
