/** Puts together one fleet's configuration from what is in force and what is held. */

import { CONFIG_FORMAT, type NextHopConfig, type RelayConfig, type SourceConfig } from '../../relay/core/config.ts';
import { compileFleet, type FleetDraft } from './fleet.ts';
import { HeldCollector } from './held.ts';
import type { CompileInput } from './input.ts';
import type { CompileMemory } from './memory.ts';
import { fleetOfRule, type Namespace } from './namespace.ts';
import { byAge, compareText } from './order.ts';
import type { Resolution } from './resolution.ts';
import type { FleetResult } from './result.ts';
import type { RewriteRuleDraft } from './rewrite-rule.ts';
import { ruleConfig } from './rule-config.ts';
import type { Tombstone } from './tombstones.ts';

export interface AssemblySurroundings {
  readonly input: CompileInput;
  readonly memory: CompileMemory;
  /** Of the fleet. */
  readonly resolution: Resolution;
}

/** What was in force and is not now: it has disappeared, or is left out. */
export interface HeldTombstone {
  readonly tombstone: Tombstone;
  readonly gone: boolean;
}

export function assembleFleet(
  fleet: FleetDraft,
  content: Namespace,
  tombstones: readonly HeldTombstone[],
  { input, memory, resolution }: AssemblySurroundings,
): FleetResult {
  const oldest = [...content.sharedDomains]
    .sort(byAge)
    .find((draft) => draft.fleet === fleet && draft.config !== undefined);
  const routes = [...content.tenantRoutes]
    .sort(byAge)
    .filter((draft) => draft.fleet === fleet && draft.config !== undefined);
  const inForce = {
    fleet: compileFleet(fleet, {
      oldestDomain: oldest?.domain,
      oldestRoutingDomain: routes.find(({ domains }) => domains.length > 0)?.domains[0],
      fromFiles: input.fromFiles === true,
    }),
    sharedDomains: content.sharedDomains
      .flatMap((draft) => (draft.fleet === fleet && draft.config !== undefined ? [draft.config] : []))
      .sort((a, b) => compareText(a.domain, b.domain)),
    tenantRoutes: content.tenantRoutes.flatMap((draft) =>
      draft.fleet === fleet && draft.config ? [draft.config] : [],
    ),
    rewriteRules: content.rewriteRules.flatMap((draft) => (fleetOfRule(draft) === fleet ? ruleConfig(draft) : [])),
  };
  const held = collectHeld(fleet, content, tombstones).finish({
    ...inForce,
    credentials: fleet.secrets.credentials,
    resolution,
  });
  const body = {
    format: CONFIG_FORMAT,
    ...inForce,
    held: fleet.outboundHeld ? { ...held, outbound: true } : held,
  } as const;
  const { platform } = input;
  const ofRules = inForce.rewriteRules.map((rule) => memory.hash(rule, platform));
  const revision = platform.hash(JSON.stringify({ ...body, rewriteRules: ofRules }));
  const config: RelayConfig = { ...body, revision };
  return {
    namespace: fleet.namespace,
    name: fleet.name,
    paused: fleet.spec.paused,
    config,
    confidentialRules: new Set(
      content.rewriteRules
        .filter((draft) => readsSecrets(draft) && (fleetOfRule(draft) ?? fleet) === fleet)
        .map(({ name }) => name),
    ),
    credentials: usedCredentials(config, fleet.secrets.credentials),
    unknown: unknownReferences(fleet, content),
  };
}

/** Whether or not they can be read now. */
function readsSecrets({ spec }: RewriteRuleDraft): boolean {
  return spec?.addressesFrom?.some(({ secretKeyRef }) => secretKeyRef !== undefined) === true;
}

/** What is left out without a fleet that is known could belong to any fleet of the namespace. */
function collectHeld(fleet: FleetDraft, content: Namespace, tombstones: readonly HeldTombstone[]): HeldCollector {
  const held = new HeldCollector();
  const concerns = (owner: FleetDraft | undefined) => owner === undefined || owner === fleet;
  for (const draft of content.sharedDomains) {
    if (!concerns(draft.fleet) || draft.domain === undefined) continue;
    if (draft.config === undefined) held.domains([draft.domain]);
    else if (draft.unresolvedHeld) held.unresolvedOf(draft.domain);
  }
  for (const draft of content.tenantRoutes) {
    if (!concerns(draft.fleet)) continue;
    held.sources(draft.heldSources);
    if (draft.config !== undefined) continue;
    held.domains(draft.domains);
    held.sources(draft.sources);
  }
  for (const draft of content.rewriteRules) {
    if (concerns(fleetOfRule(draft)) && draft.mode === 'Enforce') holdRule(held, draft);
  }
  for (const tombstone of tombstones) holdTombstone(held, tombstone);
  return held;
}

function holdRule(held: HeldCollector, draft: RewriteRuleDraft): void {
  const { report, sharedDomain, tenantRoute } = draft;
  held.addresses(draft.heldAddresses);
  held.unreadableTenantDomains(draft.heldTenantDomains);
  held.rows(draft.formerRows);
  if (!draft.inForce) held.rows(draft.rows);
  if (draft.unreadable) held.unreadableTenantDomains(tenantRoute?.domains ?? []);
  const settled = report.accepted && report.resolved;
  if (!settled && sharedDomain?.domain !== undefined) held.unresolvedOf(sharedDomain.domain);
}

/** What is left out holds what it was as well: it may speak of something else by now, or of what is not there yet. */
function holdTombstone(held: HeldCollector, { tombstone, gone }: HeldTombstone): void {
  switch (tombstone.kind) {
    case 'SharedDomain':
      held.domains([tombstone.was.domain]);
      return;
    case 'TenantRoute':
      held.domains(tombstone.was.domains);
      held.sources(tombstone.was.sources);
      return;
    case 'RewriteRule':
      if (tombstone.was.mode === 'Enforce') held.rows(tombstone.was, gone);
  }
}

/** Only what the configuration names travels with it. */
function usedCredentials(config: RelayConfig, all: ReadonlyMap<string, string>): Map<string, string> {
  const ids = new Set<string | undefined>();
  const ofNextHop = ({ tls, clientCertificate, auth }: NextHopConfig) => {
    for (const id of [tls.ca, clientCertificate?.certificate, clientCertificate?.key, auth?.username, auth?.password])
      ids.add(id);
  };
  const ofSource = ({ clientCertificate, exchangeOnline }: SourceConfig) =>
    ids.add(clientCertificate?.ca).add(exchangeOnline?.ca);
  for (const id of config.fleet.traceKeys ?? []) ids.add(id);
  ids.add(config.fleet.tls.certificate).add(config.fleet.tls.key);
  if (config.fleet.outbound.route === 'SmartHost') ofNextHop(config.fleet.outbound.smartHost);
  for (const { dkim } of config.sharedDomains) for (const { key } of dkim) ids.add(key);
  for (const route of config.tenantRoutes) {
    ofNextHop(route.nextHop);
    route.sources.forEach(ofSource);
  }
  config.held.sources.forEach(ofSource);
  return new Map([...all].filter(([id]) => ids.has(id)).sort(([a], [b]) => compareText(a, b)));
}

function unknownReferences(fleet: FleetDraft, content: Namespace): string[] {
  const drafts = [
    fleet,
    ...content.sharedDomains.filter((draft) => draft.fleet === fleet),
    ...content.tenantRoutes.filter((draft) => draft.fleet === fleet),
    ...content.rewriteRules.filter((draft) => fleetOfRule(draft) === fleet),
  ];
  return drafts.flatMap(({ report }) =>
    report.findings
      .filter(({ reason }) => reason === 'Unknown')
      .map(({ message }) => `${report.kind} "${report.name}": ${message}`),
  );
}
