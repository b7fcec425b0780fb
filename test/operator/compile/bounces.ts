/** What compile's tests must never see of an address that any rule speaks of. */

import { parseMailbox } from '../../../relay/core/address.ts';
import type { RelayConfig } from '../../../relay/core/config.ts';
import { buildDirectory } from '../../../relay/core/directory.ts';
import { decideRecipient } from '../../../relay/core/recipient.ts';
import { INTERNET } from '../../../relay/core/source.ts';

/** Whether the relay would tell the internet for good that there is no such address. */
export function bounces(config: RelayConfig, address: string): boolean {
  const parsed = parseMailbox(address);
  if (!parsed.ok) throw new Error(`${address} ${parsed.reason}`);
  const forwardPath = { text: address, mailbox: parsed.value };
  const reversePath = { text: '', mailbox: undefined };
  const decision = decideRecipient(buildDirectory(config), { client: INTERNET, tls: true, reversePath, forwardPath });
  return decision.action === 'Refuse' && decision.reply.code >= 500;
}
