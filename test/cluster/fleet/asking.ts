/** What one pod says to somebody who asks it directly, past the load balancer. */

import { RawSmtp } from '../../support/raw-smtp.ts';
import { SMTP_PORT } from '../../../operator/manifests/names.ts';
import type { RelayPod } from './pods.ts';

/** The reply to RCPT, of a client that nobody knows. */
export async function replyTo(pod: RelayPod, forwardPath: string): Promise<string> {
  const client = await RawSmtp.greeted(pod.address, SMTP_PORT);
  try {
    await client.command('MAIL FROM:<anna@world.example>');
    return (await client.command(`RCPT TO:<${forwardPath}>`)).text;
  } finally {
    client.destroy();
  }
}

/** SHA-256 of the certificate that it shows now. */
export async function certificateOf(pod: RelayPod): Promise<string> {
  const client = await RawSmtp.greeted(pod.address, SMTP_PORT);
  try {
    await client.startTls({ rejectUnauthorized: false });
    return client.tls?.getPeerX509Certificate()?.fingerprint256 ?? '';
  } finally {
    client.destroy();
  }
}
