/** Isthmus's manifests for the benchmark: one tenant with 50,000 users by CSV, everything that leaves goes to the sink. */

import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLIENTS, sharedAddress, tenantAddress, USERS } from './message.ts';

// A ConfigMap holds 1 MiB: so many rows fit, and several make the whole.
const ROWS_PER_CONFIG_MAP = 10_000;

export function writeManifests(directory: string, sinkPort: number, dkim: boolean): void {
  const parts = Array.from({ length: USERS / ROWS_PER_CONFIG_MAP }, (_, index) => `users-${index}`);
  writeFileSync(join(directory, 'relay.yaml'), relay(sinkPort, parts, dkim));
  parts.forEach((name, index) => writeFileSync(join(directory, `${name}.yaml`), users(name, index)));
  if (dkim) writeFileSync(join(directory, 'dkim.yaml'), dkimSecret());
}

const nextHop = (sinkPort: number) => `{hosts: [{host: 127.0.0.1, port: ${sinkPort}}], tls: {mode: Opportunistic}}`;

const relay = (sinkPort: number, parts: readonly string[], dkim: boolean) => `apiVersion: isthmus.dev/v1alpha1
kind: RelayFleet
metadata: {name: default}
spec:
  hostname: relay.shared.example
  outbound:
    route: SmartHost
    smartHost: ${nextHop(sinkPort)}
  # One client stands for many: as much as the schema allows.
  limits: {connectionsPerClient: 10000, messagesPerMinutePerClient: 1000000}
---
apiVersion: isthmus.dev/v1alpha1
kind: SharedDomain
metadata: {name: shared}
spec:
  domain: shared.example
  postmaster: ${tenantAddress(0)}
${dkim ? '  dkim: [{selector: bench, secretRef: {name: bench-dkim}, state: Active}]\n' : ''}---
apiVersion: isthmus.dev/v1alpha1
kind: TenantRoute
metadata: {name: tenant1}
spec:
  sharedDomainRefs: [{name: shared}]
  domains: [tenant1.example]
  nextHop: ${nextHop(sinkPort)}
  sources: [{cidrs: [${CLIENTS.out}/32]}]
---
apiVersion: isthmus.dev/v1alpha1
kind: RewriteRule
metadata: {name: users}
spec:
  sharedDomainRef: {name: shared}
  tenantRouteRef: {name: tenant1}
  addressesFrom:
${parts.map((name) => `    - configMapKeyRef: {name: ${name}, key: users.csv}\n`).join('')}`;

function users(name: string, part: number): string {
  const rows = Array.from({ length: ROWS_PER_CONFIG_MAP }, (_, index) => {
    const user = part * ROWS_PER_CONFIG_MAP + index;
    return `    User ${user},${tenantAddress(user)},${sharedAddress(user)}\n`;
  });
  const heading = `    Name,InternalAddress,ExternalAddress\n`;
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata:\n  users.csv: |\n${heading}${rows.join('')}`;
}

function dkimSecret(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const data = Buffer.from(pem).toString('base64');
  return `apiVersion: v1\nkind: Secret\nmetadata: {name: bench-dkim}\ndata: {private.key: ${data}}\n`;
}
