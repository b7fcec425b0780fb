/** What `npm run demo -- --keep` says: what to try while everything is up, and what arrives meanwhile. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arrival } from './mail-system.ts';
import { headerField } from './message.ts';
import type { Scenery } from './scenery.ts';

export interface AdviceSettings {
  readonly port: number;
  readonly metricsPort: number;
  readonly logFile: string;
  readonly certificateFile: string;
  readonly sample: string;
}

/** Gives away what a person needs to be John's mail system: its certificate and key, in one PEM file. */
export function handOut({ port, metricsPort, logFile, folder, stage }: Scenery, sample: string): AdviceSettings {
  const identity = stage.senders.tenant1?.identity;
  if (identity === undefined) throw new Error('tenant 1 is not known by a certificate');
  const certificateFile = join(folder, 'tenant1.pem');
  writeFileSync(certificateFile, identity.certificate + identity.key, { mode: 0o600 });
  return { port, metricsPort, logFile, certificateFile, sample };
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
The first part stays up until you press Ctrl-C; mail that arrives is shown here. In another terminal:

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
