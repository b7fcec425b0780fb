/** Signs in at a next hop with AUTH PLAIN or LOGIN (RFC 4954), over verified TLS only. */

import type { Refusal } from '../core/delivery.ts';
import type { Reply } from '../core/reply.ts';
import type { Connection } from './connection.ts';
import { refused, silent } from './refusal.ts';

export interface Account {
  readonly username: string;
  readonly password: string;
}

const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');

export async function signIn(
  connection: Connection,
  account: Account,
  milliseconds: number,
  until: number,
): Promise<Refusal | undefined> {
  if (connection.tls?.verified !== true) {
    return silent('auth', 'a password is shown over verified TLS only: set nextHop.tls.mode to Verified or Implicit');
  }
  const { mechanisms } = connection.extensions;
  const ask = async (line: string): Promise<Reply | undefined> =>
    (await connection.ask(`${line}\r\n`, 1, milliseconds, until))[0];
  if (mechanisms.has('PLAIN')) {
    return outcome(connection, await ask(`AUTH PLAIN ${base64(`\0${account.username}\0${account.password}`)}`));
  }
  if (!mechanisms.has('LOGIN')) {
    return silent('auth', `it offers neither AUTH PLAIN nor LOGIN, only: ${[...mechanisms].join(' ') || 'nothing'}`);
  }
  for (const line of ['AUTH LOGIN', base64(account.username)]) {
    const reply = await ask(line);
    if (reply?.code !== 334) return outcome(connection, reply);
  }
  return outcome(connection, await ask(base64(account.password)));
}

function outcome(connection: Connection, reply: Reply | undefined): Refusal | undefined {
  if (reply === undefined) return silent('auth', connection.lostCause ?? 'no answer to AUTH');
  return reply.code === 235 ? undefined : refused('auth', reply, 'it refuses our user name or password');
}
