/** Postfix's smtp-sink: a next hop in C that takes everything and keeps nothing, unless told to keep messages as files. */

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from './child-process.ts';
import { ensurePackages, isRoot } from './debian.ts';
import { freePort } from './free-port.ts';

export interface SmtpSink {
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** With `keep`: every transaction so far as a file's text: X-Client-…, X-Mail-Args, X-Rcpt-Args, then the message. */
  transactions(): string[];
  stop(): Promise<void>;
}

export interface SmtpSinkOptions {
  readonly port?: number;
  /** Keep every message as a file. */
  readonly keep?: boolean;
  /** Further options, for example ['-f', 'rcpt'] to answer every RCPT 450. */
  readonly args?: readonly string[];
}

export async function startSmtpSink(options: SmtpSinkOptions = {}): Promise<SmtpSink> {
  ensurePackages(['postfix']);
  const host = '127.0.0.1';
  const port = options.port ?? (await freePort(host));
  const directory = options.keep ? mkdtempSync(join(tmpdir(), 'isthmus-sink-')) : undefined;
  const keep = directory === undefined ? [] : ['-d', join(directory, '%s.')];
  // smtp-sink refuses to stay root; whoever it becomes must be able to write there.
  const user = isRoot ? ['-u', 'nobody'] : [];
  if (directory !== undefined) chmodSync(directory, 0o777);
  // 1024: more waiting connections than any test opens at once.
  const sink = start('smtp-sink', [...user, ...keep, ...(options.args ?? []), `${host}:${port}`, '1024']);
  await sink.waitForPort(host, port);
  return {
    host,
    port,
    pid: sink.pid,
    transactions: () =>
      directory === undefined
        ? []
        : readdirSync(directory)
            .sort()
            .map((name) => readFileSync(join(directory, name), 'latin1')),
    stop: async () => {
      await sink.stop();
      if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
    },
  };
}
