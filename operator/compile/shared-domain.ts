/** What a SharedDomain comes to: in force with its keys, or left out and held. */

import type { SharedDomain, SharedDomainSpec } from '../../crds/v1alpha1/shared-domain.ts';
import { formatMailbox, parseMailbox, toAsciiDomain } from '../../relay/core/address.ts';
import type { SharedDomainConfig } from '../../relay/core/config.ts';
import { Report } from './conditions.ts';
import { take } from './credentials.ts';
import { refuseForeignDomain } from './domain-permission.ts';
import type { FleetDraft } from './fleet.ts';
import type { DomainPermission } from './input.ts';
import type { Aged } from './order.ts';

export interface SharedDomainDraft extends Aged {
  readonly report: Report;
  /** undefined: it fails its schema. */
  readonly spec: SharedDomainSpec | undefined;
  /** undefined: it fails its schema so far that its domain is not known. */
  readonly domain: string | undefined;
  /** undefined: its fleet is not known or does not exist. */
  readonly fleet: FleetDraft | undefined;
  /** undefined: left out. */
  config: SharedDomainConfig | undefined;
  /** Addresses that no rule resolves are held. */
  unresolvedHeld: boolean;
}

export function draftSharedDomain(
  resource: SharedDomain,
  fleets: ReadonlyMap<string, FleetDraft>,
  permissions: readonly DomainPermission[],
): SharedDomainDraft {
  const { name, namespace = '', creationTimestamp } = resource.metadata;
  const report = new Report('SharedDomain', namespace, name);
  const { spec } = resource;
  const domain = toAsciiDomain(spec.domain);
  if (domain === undefined) report.rejectField('spec.domain', `"${spec.domain}" is no domain name.`);
  else refuseForeignDomain(domain, report, permissions);
  const fleetName = spec.fleetRef.name;
  const fleet = fleets.get(fleetName);
  if (fleet === undefined) {
    const message = `RelayFleet "${fleetName}" does not exist in namespace "${namespace}"; nothing serves this domain.`;
    report.unresolved('FleetNotFound', message, { path: 'spec.fleetRef.name' });
  }
  return { name, created: creationTimestamp, report, spec, domain, fleet, config: undefined, unresolvedHeld: false };
}

/** Puts it in force unless it was refused or cannot sign: unsigned mail is no fallback. */
export function compileSharedDomain(draft: SharedDomainDraft): void {
  const { spec, domain, fleet, report } = draft;
  if (spec === undefined || domain === undefined || fleet === undefined) return;
  const postmaster = mailbox(report, 'postmaster', spec.postmaster);
  const abuse = mailbox(report, 'abuse', spec.abuse) ?? postmaster;
  const dkim = compileKeys(spec, fleet, report);
  if (spec.unresolvedRecipients.action === 'Route' && spec.unresolvedRecipients.tenantRouteRef === undefined) {
    report.rejectField('spec.unresolvedRecipients', 'action Route needs a tenantRouteRef.');
  }
  if (spec.unresolvedRecipients.action === 'Discover' && (spec.unresolvedRecipients.order ?? []).length === 0) {
    report.rejectField('spec.unresolvedRecipients', 'action Discover needs an order.');
  }
  if (!report.accepted || dkim === undefined) return;
  draft.config = {
    domain,
    name: draft.name,
    unresolvedRecipients: { action: 'Reject' },
    ...(postmaster !== undefined && { postmaster }),
    ...(abuse !== undefined && { abuse }),
    recipientHeaders: spec.inbound.recipientHeaders,
    inboundTlsRequired: spec.inbound.tls === 'Required',
    stripHeaders: spec.outbound.stripHeaders,
    signedMessages: spec.outbound.signedMessages,
    dkim,
  };
}

function mailbox(report: Report, field: 'postmaster' | 'abuse', text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const parsed = parseMailbox(text);
  if (parsed.ok) return formatMailbox(parsed.value);
  report.rejectField(`spec.${field}`, `it ${parsed.reason}.`);
  return undefined;
}

/**
 * undefined: a key that signs now cannot be used. Keys in waiting are checked as well, but nothing depends on them
 * yet.
 */
function compileKeys(
  spec: SharedDomainSpec,
  fleet: FleetDraft,
  report: Report,
): SharedDomainConfig['dkim'] | undefined {
  const keys: SharedDomainConfig['dkim'] = [];
  let complete = true;
  for (const [index, { selector, secretRef, algorithm, state }] of (spec.dkim ?? []).entries()) {
    const key = take(report, `spec.dkim[${index}].secretRef`, fleet.secrets.dkimKey(secretRef));
    if (state === 'Standby') continue;
    if (key === undefined) complete = false;
    else keys.push({ selector, key, algorithm });
  }
  return complete ? keys : undefined;
}
