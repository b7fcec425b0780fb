/** Hands what was read from a cluster to compile, as the operator hands it what it watches. */

import { compile } from '../../operator/compile/compile.ts';
import type { LookupResult } from '../../operator/compile/input.ts';
import type { CompileResult } from '../../operator/compile/result.ts';
import { nodePlatform } from '../../operator/platform.ts';
import { MADE_UP_KEY } from '../explain-memory.ts';
import { identity } from '../manifests/document.ts';
import type { State } from '../state.ts';
import type { ClusterContent } from './content.ts';

const PLATFORM = nodePlatform();

export function compileContent({ documents, unread }: ClusterContent, state: State, now: Date): CompileResult {
  const objects = new Map<string, LookupResult>([...unread.keys()].map((id) => [id, 'unknown']));
  for (const document of documents) {
    if (document.content.type === 'data') objects.set(identity(document), { data: document.content.data });
  }
  const lookup = (kind: 'Secret' | 'ConfigMap') => (namespace: string, name: string) =>
    objects.get(identity({ kind, namespace, name })) ?? 'missing';
  return compile({
    resources: documents.flatMap(({ content }) => (content.type === 'resource' ? [content.resource] : [])),
    invalid: documents.flatMap(({ content }) => (content.type === 'invalid' ? [content.invalid] : [])),
    secrets: lookup('Secret'),
    configMaps: lookup('ConfigMap'),
    running: state.running,
    tombstones: state.tombstones,
    // The fleet's own is in a Secret that need not be read: nothing that is told here depends on it.
    ownSigningKeys: () => [MADE_UP_KEY],
    now: now.getTime(),
    platform: PLATFORM,
  });
}
