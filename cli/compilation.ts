/** Hands manifests to compile, as the operator hands it what the API server holds. */

import type { IsthmusResource } from '../crds/v1alpha1/kinds.ts';
import { compile } from '../operator/compile/compile.ts';
import type { CompileInput, DataObject, LookupResult } from '../operator/compile/input.ts';
import type { CompileMemory } from '../operator/compile/memory.ts';
import type { CompileResult } from '../operator/compile/result.ts';
import { nodePlatform } from '../operator/platform.ts';
import { identity, type Manifests } from './manifests/document.ts';
import type { State } from './state.ts';

const PLATFORM = nodePlatform();

export interface CompilationOptions {
  readonly state: State;
  readonly now: Date;
  /** The fleet's own tls.secretRef is not used: a certificate was given on the command line. */
  readonly ownCertificate?: boolean;
  /** For fleets without a signingSecretRef. */
  readonly signingKeys?: readonly string[];
}

/** `memory` is for those who compile the same folders again and again. */
export function compileManifests(
  manifests: Manifests,
  options: CompilationOptions,
  memory?: CompileMemory,
): CompileResult {
  const { state, now } = options;
  const objects = new Map<string, DataObject>();
  const resources: CompileInput['resources'][number][] = [];
  const invalid: NonNullable<CompileInput['invalid']>[number][] = [];
  for (const document of manifests.documents) {
    const { content } = document;
    switch (content.type) {
      case 'resource':
        resources.push(options.ownCertificate === true ? withoutCertificate(content.resource) : content.resource);
        break;
      case 'invalid':
        invalid.push(content.invalid);
        break;
      case 'data':
        objects.set(identity(document), { data: content.data });
        break;
    }
  }
  const lookup =
    (kind: 'Secret' | 'ConfigMap') =>
    (namespace: string, name: string): LookupResult =>
      objects.get(identity({ kind, namespace, name })) ?? 'missing';
  const input: CompileInput = {
    resources,
    invalid,
    secrets: lookup('Secret'),
    configMaps: lookup('ConfigMap'),
    running: state.running,
    tombstones: state.tombstones,
    ownSigningKeys: () => options.signingKeys,
    now: now.getTime(),
    platform: PLATFORM,
    fromFiles: true,
  };
  return compile(input, memory);
}

function withoutCertificate(resource: IsthmusResource): IsthmusResource {
  if (resource.kind !== 'RelayFleet' || resource.spec.tls === undefined) return resource;
  const { secretRef: _secretRef, ...tls } = resource.spec.tls;
  return { ...resource, spec: { ...resource.spec, tls } };
}
