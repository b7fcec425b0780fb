/**
 * Turns all resources into one RelayConfig a fleet, with its credentials, and says of every resource what became of
 * it.
 */

import { assembleFleet, unreadableRules } from './assemble.ts';
import type { Report } from './conditions.ts';
import type { CompileInput, InvalidResource, Resource } from './input.ts';
import { compileNamespace, fleetOfRule, type Namespace, type NamespaceContent } from './namespace.ts';
import { sortedUnique } from './order.ts';
import type { CompileResult, FleetResult, ResourceStatus } from './result.ts';
import type { FleetDraft } from './fleet.ts';
import { type FleetMemory, fleetTombstones, type Presence, type Tombstone } from './tombstones.ts';

/**
 * The order of inputs means nothing; compiling the outcome again changes nothing; a bad resource never stops the
 * others.
 */
export function compile(input: CompileInput): CompileResult {
  const namespaces = splitByNamespace(input).map((content) => compileNamespace(content, input));
  sayForeignClaims(namespaces);
  const fleets: FleetResult[] = [];
  const tombstones: Tombstone[] = [];
  for (const content of namespaces) {
    for (const fleet of content.fleets) {
      const presence = presenceOn(fleet, content);
      const remembered = tombstonesOf(fleet, content, presence, input);
      tombstones.push(...remembered);
      const gone = remembered.filter(({ kind, name }) => presence(kind, name) === 'Gone');
      fleets.push(assembleFleet(fleet, content, gone, input));
    }
  }
  return {
    fleets,
    tombstones,
    statuses: namespaces.flatMap(statusesOf),
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
  return (kind, name) => known[kind].get(name) ?? 'Gone';
}

function tombstonesOf(fleet: FleetDraft, content: Namespace, presence: PresenceOf, input: CompileInput): Tombstone[] {
  const running = input.running?.find(({ namespace, name }) => namespace === fleet.namespace && name === fleet.name);
  return fleetTombstones(input.tombstones ?? [], running?.config, {
    namespace: fleet.namespace,
    fleet: fleet.name,
    holdSeconds: fleet.spec.removedDomainHoldSeconds,
    now: input.now,
    presence,
    unreadable: unreadableRules(fleet, content),
  });
}

function reportsOf(content: Namespace): Report[] {
  const { fleets, invalidFleets, sharedDomains, tenantRoutes, rewriteRules } = content;
  const drafts = [...fleets, ...sharedDomains, ...tenantRoutes, ...rewriteRules];
  return [...invalidFleets, ...drafts.map(({ report }) => report)];
}

function statusesOf(content: Namespace): ResourceStatus[] {
  const status = ({ kind, namespace, name, conditions }: Report) => ({ kind, namespace, name, conditions });
  const of = (report: Report): ResourceStatus => ({ ...status(report), conditions: report.conditions() });
  return [
    ...content.invalidFleets.map(of),
    ...content.fleets.filter(({ implicit }) => !implicit).map(({ report }) => of(report)),
    ...content.sharedDomains.map((draft) => ({ ...of(draft.report), ...countsOf(draft.name, content) })),
    ...content.tenantRoutes.map(({ report }) => of(report)),
    ...content.rewriteRules.map((draft) => ({
      ...of(draft.report),
      entries: draft.inForce ? draft.rows.length : 0,
      rejectedEntries: draft.rejected,
      sources: draft.sources,
    })),
  ];
}

/** What is in force of it: tenants that take part, and single shared addresses. */
function countsOf(name: string, content: Namespace): Pick<Required<ResourceStatus>, 'tenantCount' | 'addressCount'> {
  const tenants = content.tenantRoutes.filter(
    ({ config, sharedDomains }) =>
      config !== undefined && sharedDomains.some((draft) => draft.name === name && draft.config),
  );
  const addresses = new Set<string>();
  for (const rule of content.rewriteRules) {
    if (rule.sharedDomain?.name !== name || !rule.inForce || rule.mode === 'Audit') continue;
    for (const row of rule.rows) {
      if (row.kind === 'Address' && row.direction !== 'OutboundOnly') addresses.add(row.externalKey);
    }
  }
  return { tenantCount: tenants.length, addressCount: addresses.size };
}
