/** Whose addresses an import may speak of: what the manifests around it say. */

import { toAsciiDomain } from '../../relay/core/address.ts';
import type { SharedDomainSpec } from '../../crds/v1alpha1/shared-domain.ts';
import type { TenantRouteSpec } from '../../crds/v1alpha1/tenant-route.ts';
import type { Bounds } from '../../operator/compile/rows.ts';
import { CommandLineError } from '../command-line.ts';
import { identity, type Manifests } from '../manifests/document.ts';

export interface Belonging {
  readonly namespace: string;
  readonly sharedDomain: string;
  readonly tenantRoute: string;
}

/** Without manifests nothing is known of domains, and `isthmus check` compares them later. */
export const UNBOUNDED: Bounds = {
  sharedDomain: undefined,
  tenantDomains: undefined,
  foreignDomains: [],
  direction: undefined,
};

export function boundsOf(manifests: Manifests, { namespace, sharedDomain, tenantRoute }: Belonging): Bounds {
  const specOf = (kind: 'SharedDomain' | 'TenantRoute', name: string): unknown => {
    const wanted = identity({ kind, namespace, name });
    const content = manifests.documents.find((document) => identity(document) === wanted)?.content;
    if (content?.type === 'resource') return content.resource.spec;
    throw new CommandLineError(
      `the manifests hold no valid ${kind} "${name}" in namespace "${namespace}"`,
      'isthmus check DIR says what they hold; --namespace chooses another namespace',
    );
  };
  const { domain } = specOf('SharedDomain', sharedDomain) as SharedDomainSpec;
  const own = domainsOf(specOf('TenantRoute', tenantRoute) as TenantRouteSpec);
  const foreign: string[] = [];
  for (const { content, name, namespace: where } of manifests.documents) {
    if (content.type !== 'resource' || where !== namespace) continue;
    const { resource } = content;
    if (resource.kind === 'SharedDomain') foreign.push(resource.spec.domain);
    if (resource.kind === 'TenantRoute' && name !== tenantRoute) foreign.push(...domainsOf(resource.spec));
  }
  return {
    sharedDomain: toAsciiDomain(domain),
    tenantDomains: new Set(own),
    foreignDomains: foreign,
    direction: undefined,
  };
}

function domainsOf(spec: TenantRouteSpec): string[] {
  return (spec.domains ?? []).map((domain) => toAsciiDomain(domain) ?? domain);
}
