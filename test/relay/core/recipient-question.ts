/** Asks core about one recipient in words: a client by its name, paths as text, the answer as one line. */

import { parseMailbox } from '../../../relay/core/address.ts';
import type { RewriteRuleConfig } from '../../../relay/core/config.ts';
import { buildDirectory, type Directory } from '../../../relay/core/directory.ts';
import { NULL_PATH, type Path } from '../../../relay/core/envelope.ts';
import { decideRecipient } from '../../../relay/core/recipient.ts';
import { formatReply } from '../../../relay/core/reply.ts';
import { type ClientIdentity, INTERNET } from '../../../relay/core/source.ts';
import { type ConfigParts, relayConfig } from '../../support/relay-config.ts';

export function rule(over: Partial<RewriteRuleConfig> & { name: string; tenantRoute: string }): RewriteRuleConfig {
  return { sharedDomain: 'shared.example', mode: 'Enforce', addresses: [], domains: [], ...over };
}

export const JOHN = rule({
  name: 'john',
  tenantRoute: 'tenant1',
  addresses: [
    ['john@tenant1.example', 'john@shared.example', 'Both'],
    ['john@tenant1.example', 'sales@shared.example', 'InboundOnly'],
  ],
});

export function directory(parts: ConfigParts = {}): Directory {
  return buildDirectory(relayConfig({ rewriteRules: [JOHN], ...parts }));
}

export function path(text: string): Path {
  const parsed = parseMailbox(text);
  return { text, mailbox: parsed.ok ? parsed.value : undefined };
}

export function clientOf(where: Directory, name: string): ClientIdentity {
  if (name === 'internet') return INTERNET;
  if (name === 'held') return { kind: 'Held' };
  if (name === 'candidate') {
    const claims = [...where.tenantRoutes.values()].map((route) => ({
      route,
      tenantId: route.name,
      organizations: [],
      verified: true,
    }));
    return { kind: 'Candidate', claims };
  }
  const route = where.tenantRoutes.get(name);
  if (route === undefined) throw new Error(`no tenant route ${name}`);
  return { kind: 'Tenant', route };
}

export function decide(where: Directory, client: string, to: string, from = 'x@world.example', tls = false): string {
  const decision = decideRecipient(where, {
    client: clientOf(where, client),
    tls,
    reversePath: from === '' ? NULL_PATH : path(from),
    forwardPath: path(to),
  });
  if (decision.action === 'Discover') {
    return `Discover ${decision.candidates.map(({ forwardPath }) => forwardPath).join(', ')}`;
  }
  if (decision.action === 'Refuse') return formatReply(decision.reply).slice(0, 9);
  const provisional = decision.action === 'Provisional';
  const { target, resolution, forwardPath } = provisional ? decision.recipient : decision;
  const place =
    target.kind === 'TenantRoute' ? target.name : target.kind === 'MX' ? `MX ${target.domain}` : 'SmartHost';
  return `${provisional ? 'Provisional ' : ''}${resolution} ${place} ${forwardPath}`;
}
