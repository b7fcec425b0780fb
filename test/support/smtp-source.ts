/** Postfix's smtp-source: a sender in C that sends many messages over many connections. */

import { type Finished, run } from './child-process.ts';
import { ensurePackages } from './debian.ts';

export interface SmtpSourceOptions {
  readonly host: string;
  readonly port: number;
  readonly from: string;
  readonly to: string;
  readonly messages?: number;
  /** Connections at the same time. */
  readonly sessions?: number;
  /** Bytes of content it makes up. */
  readonly length?: number;
  /** Further options, for example ['-d'] to keep connections, ['-F', file] to send a file's content. */
  readonly args?: readonly string[];
}

/** Runs it to its end. It ends at once, with an exit code other than 0 and the reply on stderr, at the first refusal. */
export function smtpSource(options: SmtpSourceOptions): Promise<Finished> {
  ensurePackages(['postfix']);
  const messages = options.messages ?? 1;
  const sessions = options.sessions ?? 1;
  const length = options.length === undefined ? [] : ['-l', String(options.length)];
  const paths = ['-f', options.from, '-t', options.to];
  const numbers = ['-m', String(messages), '-s', String(sessions), ...length];
  return run('smtp-source', [...numbers, ...paths, ...(options.args ?? []), `inet:${options.host}:${options.port}`]);
}
