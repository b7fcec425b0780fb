/** What `npm run demo -- --keep` says: what to try while everything is up, and what arrives meanwhile. */

import type { Arrival } from './mail-system.ts';
import { headerField } from './message.ts';

export interface AdviceSettings {
  readonly port: number;
  readonly metricsPort: number;
  readonly logFile: string;
  readonly certificateFile: string;
  readonly sample: string;
}

export function formatArrival({ reversePath, forwardPaths, message }: Arrival): string {
  const fields = ['From', 'To', 'Cc', 'Subject'].flatMap((name) => {
    const value = headerField(message, name);
    return value === undefined ? [] : [`  ${name}: ${value}`];
  });
  return [`arrived: <${reversePath}> for <${forwardPaths.join('>, <')}>`, ...fields, ''].join('\n');
}

export function advice({ port, metricsPort, logFile, certificateFile, sample }: AdviceSettings): string {
  return `
Everything stays up until you press Ctrl-C; mail that arrives is shown here. In another terminal:

  The world writes to Mary:
    swaks --server 127.0.0.1:${port} --tls --from anna@world.example --to mary.jones@shared.example

  John writes out; his mail system is known by its certificate:
    swaks --server 127.0.0.1:${port} --tls --tls-cert ${certificateFile} \\
          --tls-key ${certificateFile} --from john.smith@tenant1.example --to anna@world.example

  The same without swaks:
    printf 'From: anna@world.example\\r\\nTo: mary.jones@shared.example\\r\\n\\r\\nHello\\r\\n' |
      curl smtp://127.0.0.1:${port} --mail-from anna@world.example --mail-rcpt mary.jones@shared.example -T -

  Change a rule and see it live, within a second: in ${sample}/rewrite-rules.yaml write
  j.smith@shared.example in place of john.smith@shared.example, and let John write out again. (Put it back
  afterwards: the story is told with it.)

  What the relay counts, and what it thinks of the manifests:
    curl http://127.0.0.1:${metricsPort}/metrics
    curl http://127.0.0.1:${metricsPort}/status

  What it did with every message:
    tail -f ${logFile}
`;
}
