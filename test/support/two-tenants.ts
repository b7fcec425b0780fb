/** Manifests of the usual story: john@tenant1 by address, everybody of tenant2 by domain, next hops wherever a test says. */

export interface TwoTenants {
  readonly tenant1: number;
  readonly tenant2: number;
  /** Port of the smart host. */
  readonly world: number;
  /** Further lines of the RelayFleet's spec, indented by two spaces. */
  readonly fleet?: string;
  /** Further lines of the SharedDomain's spec. */
  readonly domain?: string;
  /** Lines of tenant 1's sources; default: 127.0.0.11. */
  readonly sources1?: string;
}

/** Where each system sends from: on Linux all of 127.0.0.0/8 is this machine. */
export const FROM = { tenant1: '127.0.0.11', tenant2: '127.0.0.12', world: '127.0.0.13' } as const;

export function twoTenants(options: TwoTenants): Record<string, string> {
  const sources1 = options.sources1 ?? `    - cidrs: [${FROM.tenant1}/32]\n`;
  return {
    'fleet.yaml': `apiVersion: isthmus.dev/v1alpha1
kind: RelayFleet
metadata:
  name: default
spec:
  hostname: relay.shared.example
  outbound:
    route: SmartHost
    smartHost:
      hosts: [{host: 127.0.0.1, port: ${options.world}}]
${options.fleet ?? ''}`,
    'domain.yaml': `apiVersion: isthmus.dev/v1alpha1
kind: SharedDomain
metadata:
  name: shared
spec:
  domain: shared.example
  postmaster: postmaster@tenant1.example
${options.domain ?? ''}`,
    'tenant1.yaml': route('tenant1', options.tenant1, sources1),
    'tenant2.yaml': route('tenant2', options.tenant2, `    - cidrs: [${FROM.tenant2}/32]\n`),
    'john.yaml': rule(
      'john',
      'tenant1',
      '  addresses:\n    - internal: john@tenant1.example\n      external: john@shared.example\n',
    ),
    'mary.yaml': rule('mary', 'tenant2', '  domain:\n    internal: tenant2.example\n    external: shared.example\n'),
  };
}

export function rule(name: string, route: string, entries: string): string {
  return `apiVersion: isthmus.dev/v1alpha1
kind: RewriteRule
metadata:
  name: ${name}
spec:
  sharedDomainRef: {name: shared}
  tenantRouteRef: {name: ${route}}
${entries}`;
}

function route(name: string, port: number, sources: string): string {
  return `apiVersion: isthmus.dev/v1alpha1
kind: TenantRoute
metadata:
  name: ${name}
spec:
  sharedDomainRefs:
    - name: shared
  domains:
    - ${name}.example
  nextHop:
    hosts:
      - host: 127.0.0.1
        port: ${port}
  sources:
${sources}`;
}
