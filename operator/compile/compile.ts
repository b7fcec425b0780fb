/**
 * Turns all resources into one RelayConfig a fleet, with its credentials, and says of every resource what became of
 * it.
 */

import type { RewriteRuleConfig } from '../../relay/core/config.ts';
import { assembleFleet, type HeldTombstone } from './assemble.ts';
import type { Report } from './conditions.ts';
import type { CompileInput, InvalidResource, Resource } from './input.ts';
import { CompileMemory } from './memory.ts';
import { compileNamespace, fleetOfRule, type Namespace, type NamespaceContent } from './namespace.ts';
import { sortedUnique } from './order.ts';
import { Resolution } from './resolution.ts';
import type { CompileResult, FleetResult, ResourceStatus } from './result.ts';
import type { FleetDraft } from './fleet.ts';
import { unreadableRules } from './rule-config.ts';
import { type FleetMemory, fleetTombstones, type Named, type Presence, type Tombstone } from './tombstones.ts';

/**
 * The order of inputs means nothing; compiling the outcome again changes nothing; a bad resource never stops the
 * others. `memory` makes it quicker where little has changed since it was given last, and never comes to anything else.
 */
export function compile(input: CompileInput, memory = new CompileMemory()): CompileResult {
  const namespaces = splitByNamespace(input).map((content) => compileNamespace(content, input, memory));
  sayForeignClaims(namespaces);
  const fleets: FleetResult[] = [];
  const tombstones: Tombstone[] = [];
  const statuses: ResourceStatus[] = [];
  for (const content of namespaces) {
    const addresses = new Map<string, number>();
    for (const fleet of content.fleets) {
      const presence = presenceOn(fleet, content);
      const unreadable = unreadableRules(fleet, content);
      const remembered = tombstonesOf(fleet, unreadable, presence, input);
      tombstones.push(...remembered);
      const held = remembered.flatMap((tombstone): HeldTombstone[] => {
        const there = presence(tombstone.kind, tombstone.was);
        return there === 'InForce' ? [] : [{ tombstone, gone: there === 'Gone' }];
      });
      const ofFleet = content.rewriteRules.filter((draft) => fleetOfRule(draft) === fleet);
      const resolution = new Resolution(ofFleet, memory.claims(fleet.namespace, fleet.name));
      fleets.push(assembleFleet(fleet, content, held, { input, memory, resolution }));
      for (const [name, count] of resolution.countAddresses()) addresses.set(name, count);
    }
    statuses.push(...statusesOf(content, addresses));
  }
  memory.finish();
  return {
    fleets,
    tombstones,
    statuses,
    findings: namespaces.flatMap((content) => reportsOf(content).flatMap(({ findings }) => findings)),
  };
}

function splitByNamespace(input: CompileInput): NamespaceContent[] {
  const { resources, invalid = [], running = [], tombstones = [] } = input;
  refuseDuplicates(resources, invalid);
  const namespaceOf = (resource: Resource) => resource.metadata.namespace ?? '';
  const names = sortedUnique([...resources.map(namespaceOf), ...invalid.map(({ namespace }) => namespace)]);
  return names.map((namespace) => ({
    namespace,
    resources: resources.filter((resource) => namespaceOf(resource) === namespace),
    invalid: invalid.filter((resource) => resource.namespace === namespace),
    running: running.filter((fleet) => fleet.namespace === namespace),
    tombstones: tombstones.filter((tombstone) => tombstone.namespace === namespace),
  }));
}

function refuseDuplicates(resources: readonly Resource[], invalid: readonly InvalidResource[]): void {
  const seen = new Set<string>();
  const all = [
    ...resources.map(({ kind, metadata }) => ({ kind, namespace: metadata.namespace, name: metadata.name })),
    ...invalid,
  ];
  for (const { kind, namespace, name } of all) {
    const key = `${kind} ${namespace ?? ''}/${name}`;
    if (seen.has(key)) throw new Error(`compile was given ${key} twice`);
    seen.add(key);
  }
}

/**
 * Across namespaces age decides nothing: both run on their own fleets, and the world's MX record says which gets the
 * mail.
 */
function sayForeignClaims(namespaces: readonly Namespace[]): void {
  const claims = new Map<string, { namespace: string; report: Report }[]>();
  for (const { namespace, sharedDomains } of namespaces) {
    for (const { config, report } of sharedDomains) {
      if (config === undefined) continue;
      claims.set(config.domain, [...(claims.get(config.domain) ?? []), { namespace, report }]);
    }
  }
  for (const [domain, claimants] of claims) {
    for (const { namespace, report } of claimants) {
      const others = claimants.filter((other) => other.namespace !== namespace).map((other) => `"${other.namespace}"`);
      if (others.length > 0)
        report.conflict(`The domain ${domain} is claimed in namespace ${others.join(', ')} as well.`);
    }
  }
}

type PresenceOf = FleetMemory['presence'];

/** What has no fleet that is known may belong to any. */
function presenceOn(fleet: FleetDraft, content: Namespace): PresenceOf {
  const belongs = (owner: FleetDraft | undefined) => owner === undefined || owner === fleet;
  const present = (name: string, owner: FleetDraft | undefined, inForce: boolean): [string, Presence][] =>
    belongs(owner) ? [[name, inForce ? 'InForce' : 'LeftOut']] : [];
  const { sharedDomains, tenantRoutes, rewriteRules } = content;
  const known = {
    SharedDomain: new Map(sharedDomains.flatMap((each) => present(each.name, each.fleet, each.config !== undefined))),
    TenantRoute: new Map(tenantRoutes.flatMap((each) => present(each.name, each.fleet, each.config !== undefined))),
    RewriteRule: new Map(rewriteRules.flatMap((each) => present(each.name, fleetOfRule(each), each.inForce))),
  };
  const domains = new Map(sharedDomains.map(({ name, domain }) => [name, domain]));
  const isAnother = ({ name, domain }: Named) => domain !== undefined && (domains.get(name) ?? domain) !== domain;
  return (kind, was) => (isAnother(was) ? 'Gone' : (known[kind].get(was.name) ?? 'Gone'));
}

function tombstonesOf(
  fleet: FleetDraft,
  unreadable: readonly RewriteRuleConfig[],
  presence: PresenceOf,
  input: CompileInput,
): Tombstone[] {
  const running = input.running?.find(({ namespace, name }) => namespace === fleet.namespace && name === fleet.name);
  return fleetTombstones(input.tombstones ?? [], running?.config, {
    namespace: fleet.namespace,
    fleet: fleet.name,
    holdSeconds: fleet.spec.removedDomainHoldSeconds,
    now: input.now,
    presence,
    unreadable,
  });
}

function reportsOf(content: Namespace): Report[] {
  const { fleets, invalidFleets, sharedDomains, tenantRoutes, rewriteRules } = content;
  const drafts = [...fleets, ...sharedDomains, ...tenantRoutes, ...rewriteRules];
  return [...invalidFleets, ...drafts.map(({ report }) => report)];
}

function statusesOf(content: Namespace, addresses: ReadonlyMap<string, number>): ResourceStatus[] {
  const status = ({ kind, namespace, name, conditions }: Report) => ({ kind, namespace, name, conditions });
  const of = (report: Report): ResourceStatus => ({ ...status(report), conditions: report.conditions() });
  return [
    ...content.invalidFleets.map(of),
    ...content.fleets.filter(({ implicit }) => !implicit).map(({ report }) => of(report)),
    ...content.sharedDomains.map((draft) => ({
      ...of(draft.report),
      tenantCount: countTenants(draft.name, content),
      addressCount: addresses.get(draft.name) ?? 0,
    })),
    ...content.tenantRoutes.map(({ report }) => of(report)),
    ...content.rewriteRules.map((draft) => ({
      ...of(draft.report),
      entries: draft.inForce ? draft.rows.length : 0,
      rejectedEntries: draft.rejected,
      sources: draft.sources,
    })),
  ];
}

/** Those in force that take part. */
function countTenants(name: string, { tenantRoutes }: Namespace): number {
  return tenantRoutes.filter(
    ({ config, sharedDomains }) =>
      config !== undefined && sharedDomains.some((draft) => draft.name === name && draft.config),
  ).length;
}
