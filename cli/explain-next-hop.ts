/** A next hop as the configuration describes it; nothing is looked up. */

import type { NextHopConfig } from '../relay/core/config.ts';
import type { Target } from '../relay/core/delivery.ts';
import type { Directory } from '../relay/core/directory.ts';

export interface NextHopAccount {
  readonly kind: Target['kind'];
  readonly tenantRoute: string | undefined;
  /** `host:port`, in the order in which they are tried; empty: MX hosts, which would be looked up. */
  readonly hosts: readonly string[];
  readonly mxOf: string | undefined;
  readonly tls: NextHopConfig['tls']['mode'];
  readonly showsCertificate: boolean;
  readonly signsIn: boolean;
}

export function describeNextHop({ config, tenantRoutes }: Directory, target: Target): NextHopAccount {
  const { outbound } = config.fleet;
  const tenantRoute = target.kind === 'TenantRoute' ? target.name : undefined;
  const nextHop =
    tenantRoute !== undefined
      ? tenantRoutes.get(tenantRoute)?.nextHop
      : outbound.route === 'SmartHost'
        ? outbound.smartHost
        : undefined;
  return {
    kind: target.kind,
    tenantRoute,
    hosts: (nextHop?.hosts ?? []).map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`),
    mxOf: target.kind === 'MX' ? target.domain : nextHop?.mxOf,
    tls: nextHop?.tls.mode ?? 'Opportunistic',
    showsCertificate: nextHop?.clientCertificate !== undefined,
    signsIn: nextHop?.auth !== undefined,
  };
}
