/**
 * Puts a made-up key where a DKIM Secret is not at hand: repositories hold no Secrets, not everybody may read them, and to
 * explain what would be signed needs no key.
 */

import { generateKeyPairSync } from 'node:crypto';
import type { DiagnosedDocument } from './diagnosis.ts';
import { identity } from './manifests/document.ts';

export interface StandIns<D> {
  readonly documents: readonly D[];
  /** Names of the Secrets that are made up. */
  readonly names: readonly string[];
}

/** The least that a relay would sign with. */
const RSA_BITS = 2048;

/** `isNeeded` is asked by identity(). */
export function standInForSecrets<D extends DiagnosedDocument>(
  documents: readonly D[],
  isNeeded: (id: string) => boolean,
): StandIns<D> {
  const madeUp = new Map<string, D>();
  for (const document of documents) {
    for (const secret of secretsOf(document)) {
      const id = identity(secret);
      if (!isNeeded(id)) continue;
      const other = madeUp.get(id)?.content;
      const data = { ...(other?.type === 'data' ? other.data : {}), ...secret.keys };
      madeUp.set(id, { ...document, kind: 'Secret', name: secret.name, content: { type: 'data', data } });
    }
  }
  return {
    documents: [...documents, ...madeUp.values()],
    names: [...madeUp.values()].map(({ name }) => name),
  };
}

/** The Secrets that sign for a shared domain, each with a key of nobody's in it. */
function secretsOf({ content, namespace }: DiagnosedDocument) {
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
