/**
 * Puts a made-up key where a DKIM Secret is not among the manifests: repositories hold no Secrets, and to explain what
 * would be signed needs no key.
 */

import { generateKeyPairSync } from 'node:crypto';
import { identity, type ManifestDocument, type Manifests } from './manifests/document.ts';

export interface StandIns {
  readonly manifests: Manifests;
  /** Names of the Secrets that are made up. */
  readonly names: readonly string[];
}

/** The least that a relay would sign with. */
const RSA_BITS = 2048;

export function standInForSecrets(manifests: Manifests): StandIns {
  const present = new Set(manifests.documents.map(identity));
  const madeUp = new Map<string, ManifestDocument>();
  for (const document of manifests.documents) {
    for (const secret of secretsOf(document)) {
      const id = identity(secret);
      if (present.has(id)) continue;
      const other = madeUp.get(id)?.content;
      const data = { ...(other?.type === 'data' ? other.data : {}), ...secret.keys };
      madeUp.set(id, { ...document, kind: 'Secret', name: secret.name, content: { type: 'data', data } });
    }
  }
  return {
    manifests: { ...manifests, documents: [...manifests.documents, ...madeUp.values()] },
    names: [...madeUp.values()].map(({ name }) => name),
  };
}

/** The Secrets that sign for a shared domain, each with a key of nobody's in it. */
function secretsOf({ content, namespace }: ManifestDocument) {
  if (content.type !== 'resource' || content.resource.kind !== 'SharedDomain') return [];
  return (content.resource.spec.dkim ?? []).map(({ secretRef: { name, key } }) => ({
    kind: 'Secret' as const,
    namespace,
    name,
    keys: { [key]: Buffer.from(nobodysKey()) },
  }));
}

let made: string | undefined;

function nobodysKey(): string {
  made ??= generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
  return made;
}
