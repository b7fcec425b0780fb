/** Every Secret and ConfigMap that a resource refers to: compile looks up no other. */

import type { Resource } from './input.ts';
import type { NextHopSpec } from './next-hop.ts';

export interface ObjectReference {
  readonly kind: 'Secret' | 'ConfigMap';
  /** In the resource's own namespace. */
  readonly name: string;
}

type Named = { readonly name: string } | undefined;

/** Each once. */
export function references(resource: Resource): ObjectReference[] {
  const found = new Map<string, ObjectReference>();
  for (const reference of allReferences(resource)) found.set(`${reference.kind} ${reference.name}`, reference);
  return [...found.values()];
}

function allReferences(resource: Resource): ObjectReference[] {
  switch (resource.kind) {
    case 'RelayFleet': {
      const { tls, outbound, signingSecretRef } = resource.spec;
      const { smartHost } = outbound;
      const ofSmartHost = smartHost === undefined ? [] : nextHopSecrets(smartHost);
      return secrets(tls.secretRef, tls.clientCASecretRef, signingSecretRef, ...ofSmartHost);
    }
    case 'SharedDomain':
      return secrets(...(resource.spec.dkim ?? []).map(({ secretRef }) => secretRef));
    case 'TenantRoute': {
      const authorities = (resource.spec.sources ?? []).flatMap(({ clientCertificate, exchangeOnline }) => [
        clientCertificate?.caSecretRef,
        exchangeOnline?.caSecretRef,
      ]);
      return secrets(...nextHopSecrets(resource.spec.nextHop), ...authorities);
    }
    case 'RewriteRule':
      return (resource.spec.addressesFrom ?? []).flatMap(({ configMapKeyRef, secretKeyRef }) => [
        ...secrets(secretKeyRef),
        ...(configMapKeyRef === undefined ? [] : [{ kind: 'ConfigMap' as const, name: configMapKeyRef.name }]),
      ]);
  }
}

function nextHopSecrets({ tls, clientCertificateSecretRef, auth }: NextHopSpec): Named[] {
  return [tls.caSecretRef, clientCertificateSecretRef, auth?.secretRef];
}

function secrets(...named: readonly Named[]): ObjectReference[] {
  return named.flatMap((each) => (each === undefined ? [] : [{ kind: 'Secret', name: each.name }]));
}
