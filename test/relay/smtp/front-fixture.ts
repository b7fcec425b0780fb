/** A front on a free port with sessions that record, for tests. */

import { afterEach } from 'vitest';
import type { LimitsConfig } from '../../../relay/core/config.ts';
import { type Front, type FrontOptions, startFront } from '../../../relay/smtp/front.ts';
import { RawSmtp } from '../../support/raw-smtp.ts';
import { frontOptions, RecordingSessions } from './recording-sessions.ts';

const fronts: Front[] = [];
afterEach(() => Promise.all(fronts.splice(0).map((front) => front.close())));

export async function start(limits: Partial<LimitsConfig> = {}, more: Partial<FrontOptions> = {}) {
  const sessions = new RecordingSessions();
  const front = await startFront({ ...frontOptions(sessions, limits), ...more });
  fronts.push(front);
  const port = front.addresses[0]?.port ?? 0;
  return {
    sessions,
    front,
    port,
    open: (localAddress = '127.0.0.1') => RawSmtp.open('127.0.0.1', port, { localAddress }),
    greeted: (localAddress = '127.0.0.1') => RawSmtp.greeted('127.0.0.1', port, { localAddress }),
  };
}

/** Up to and with DATA's 354. */
export async function beginContent(client: RawSmtp): Promise<void> {
  for (const line of ['MAIL FROM:<a@client.example>', 'RCPT TO:<b@relay.example>', 'DATA']) await client.command(line);
}
