/** Manifests of an import: tables in ConfigMaps, the RewriteRules that read them, and a RewriteRule for each domain. */

import { stringify } from 'yaml';
import { formatPath } from '../../crds/problem.ts';
import { API_VERSION } from '../../crds/v1alpha1/metadata.ts';
import { MOST_TABLES } from '../../crds/v1alpha1/rewrite-rule.ts';
import { validateResource } from '../../crds/validate.ts';
import { sortedUnique } from '../../operator/compile/order.ts';
import type { DomainRow } from '../../operator/compile/rows.ts';
import { toAsciiDomain } from '../../relay/core/address.ts';
import { DEFAULT_NAMESPACE } from '../manifests/document.ts';
import type { Belonging } from './bounds.ts';
import { CORRECT_THE_LINE, type LeftOut } from './imported.ts';
import { cutIntoPieces } from './pieces.ts';
import type { NamedRow, Settled } from './settle.ts';

/** All objects of one import carry it, so that `kubectl apply --prune` can tell what an import no longer holds. */
const LABEL = 'isthmus.dev/import';
const KEY = 'users.csv';
/** Of an object's name, RFC 1123. */
const NAME_LENGTH = 253;

export interface ImportTarget extends Belonging {
  /** Of every object, at its beginning. */
  readonly name: string;
}

type Manifest = Readonly<Record<string, unknown>> & { readonly kind: 'ConfigMap' | 'RewriteRule' };

export interface RuleManifests {
  readonly manifests: readonly Manifest[];
  /** Rows of domains of which no valid rule can be made. */
  readonly leftOut: readonly LeftOut[];
}

export function ruleManifests({ addresses, domains }: Settled, target: ImportTarget): RuleManifests {
  const ofDomains = domainRules(domains, target);
  const tables = addresses.length === 0 ? [] : cutIntoPieces(addresses);
  const names = numbered(target.name, tables.length);
  const maps = tables.map((text, index): Manifest => {
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: metadata(names[index] ?? '', target),
      data: { [KEY]: text },
    };
  });
  const groups = Math.ceil(tables.length / MOST_TABLES);
  const rules = numbered(target.name, groups).map((name, index) => {
    const read = names.slice(index * MOST_TABLES, (index + 1) * MOST_TABLES);
    return rule(name, target, { addressesFrom: read.map((table) => ({ configMapKeyRef: { name: table, key: KEY } })) });
  });
  return { manifests: [...maps, ...rules, ...ofDomains.manifests], leftOut: ofDomains.leftOut };
}

/** The heading is the same for the same files: no time and no folder. */
export function manifestText(heading: string, manifests: readonly Manifest[]): string {
  return heading + manifests.map((manifest) => stringify(manifest, { lineWidth: 0 })).join('---\n');
}

function domainRules(domains: readonly NamedRow<DomainRow>[], target: ImportTarget): RuleManifests {
  const manifests = new Map<string, Manifest>();
  const leftOut: LeftOut[] = [];
  for (const { row, exceptions } of domains) {
    const { place, internal, external, includeSubdomains, direction } = row;
    const report = (problem: string, advice: string) => {
      leftOut.push({
        file: place.where,
        line: place.line ?? 0,
        problem: `${problem} (${internal} → ${external})`,
        advice,
      });
    };
    const name = nameOf(`${target.name}${includeSubdomains ? '.subdomains' : ''}.${internal}`);
    const manifest = rule(name, target, {
      domain: {
        internal,
        external,
        ...(includeSubdomains && { subdomains: 'Include' }),
        ...(exceptions.length > 0 && {
          exceptions: sortedUnique(exceptions.map((each) => toAsciiDomain(each) ?? each)),
        }),
      },
      ...(!includeSubdomains && direction !== 'Both' && { direction }),
    });
    const valid = validateResource(manifest);
    if (!valid.ok) {
      const [problem] = valid.problems;
      report(`no rule can be made of it: ${formatPath(problem?.path ?? [])}: ${problem?.message}`, CORRECT_THE_LINE);
    } else if (manifests.has(name)) {
      report('another row leads the same domain elsewhere', 'delete one of the two lines');
    } else manifests.set(name, manifest);
  }
  return { manifests: [...manifests.values()], leftOut };
}

function rule(name: string, target: ImportTarget, entries: Readonly<Record<string, unknown>>): Manifest {
  return {
    apiVersion: API_VERSION,
    kind: 'RewriteRule',
    metadata: metadata(name, target),
    spec: {
      sharedDomainRef: { name: target.sharedDomain },
      tenantRouteRef: { name: target.tenantRoute },
      ...entries,
    },
  };
}

function metadata(name: string, { name: label, namespace }: ImportTarget): Readonly<Record<string, unknown>> {
  return { name, ...(namespace !== DEFAULT_NAMESPACE && { namespace }), labels: { [LABEL]: label } };
}

/** One keeps the name itself; of several each says how many there are: another number of them is another cut. */
function numbered(name: string, count: number): string[] {
  if (count === 1) return [name];
  return Array.from({ length: count }, (_, index) => `${name}-${index + 1}-of-${count}`);
}

function nameOf(text: string): string {
  return text
    .replaceAll('_', '-')
    .slice(0, NAME_LENGTH)
    .replace(/[^a-z0-9]+$/, '');
}
