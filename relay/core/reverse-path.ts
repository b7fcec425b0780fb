/** The reverse-path as a next hop hears it: a tenant's own address becomes the shared one (mail-flow §6). */

import { formatMailbox } from './address.ts';
import type { TenantRouteConfig } from './config.ts';
import { type Directory, outboundScope } from './directory.ts';
import type { Path } from './envelope.ts';
import type { RuleMatch } from './rule-index.ts';
import type { ClientIdentity } from './source.ts';

export interface AnnouncedPath {
  /** Without angle brackets; empty for the null reverse-path, which is never rewritten. */
  readonly text: string;
  readonly rewritten: boolean;
  /** What rules in Audit mode would have made of it. */
  readonly audited: readonly RuleMatch[];
}

export function announcedReversePath(
  directory: Directory,
  client: ClientIdentity,
  reversePath: Path,
  recipientDomain: string,
): AnnouncedPath {
  const { mailbox, text } = reversePath;
  const audited: RuleMatch[] = [];
  if (mailbox === undefined) return { text, rewritten: false, audited };
  for (const route of routesOf(client)) {
    const scope = outboundScope(directory, route, recipientDomain);
    const found = directory.rules.rewriteOutbound(mailbox, scope, audited);
    if (found !== undefined) return { text: formatMailbox(found.mailbox), rewritten: true, audited };
  }
  return { text, rewritten: false, audited };
}

/** A candidate is announced as the tenant it most likely is, and again as itself when its headers say otherwise. */
function routesOf(client: ClientIdentity): readonly TenantRouteConfig[] {
  switch (client.kind) {
    case 'Tenant':
      return [client.route];
    case 'Candidate':
      return client.claims.flatMap(({ route }) => (route === undefined ? [] : [route]));
    case 'Internet':
    case 'TlsMissing':
    case 'Held':
      return [];
  }
}
