/** swaks: a sender that plays one SMTP transaction, TLS and client certificate included, and shows its transcript. */

import { run } from './child-process.ts';
import { ensurePackages } from './debian.ts';

export interface SwaksResult {
  /** 0: the message was taken. 2x: connection; 24: RCPT refused; 26: refused after the dot; 29: TLS (swaks(1), EXIT CODES). */
  readonly code: number | NodeJS.Signals;
  /** Lines with `->` sent, `<-` received, `~>` and `<~` the same inside TLS, `**` refused. */
  readonly transcript: string;
  /** Every line the server said, without the arrows. */
  readonly replies: readonly string[];
}

/** Arguments are swaks's own: `['--from', 'a@x.example', '--to', 'b@y.example', '--tls', '--data', '@file']`. */
export async function swaks(host: string, port: number, args: readonly string[]): Promise<SwaksResult> {
  ensurePackages(['swaks']);
  const { code, stdout, stderr } = await run('swaks', ['--server', host, '--port', String(port), ...args]);
  const transcript = stdout + stderr;
  const replies = transcript
    .split('\n')
    .map((line) => /^<[-~*]\*?\*? +(.*)$/.exec(line)?.[1])
    .filter((line) => line !== undefined);
  return { code, transcript, replies };
}
