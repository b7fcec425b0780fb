/** Cases of a fleet's objects: YAML files with a spec and the objects that come of it, written anew by write-cases.ts. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { validateResource } from '../../../crds/validate.ts';
import type { RelayFleet } from '../../../crds/v1alpha1/relay-fleet.ts';
import { API_VERSION } from '../../../crds/v1alpha1/metadata.ts';
import type { ManifestInput } from '../../../operator/manifests/input.ts';
import { fleetObjects } from '../../../operator/manifests/object-set.ts';
import { settingsSchema } from '../../../operator/settings.ts';

export interface CaseInput {
  readonly about: string;
  /** As a user writes it. */
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Default 3; null: somebody else owns the field. */
  readonly replicas?: number | null;
  readonly nextHopPorts?: readonly number[];
  readonly serviceMonitors?: boolean;
  readonly clusterResolvers?: readonly string[];
  /** Kinds that the case is about; default: all. */
  readonly show?: readonly string[];
  /** Left out of what is shown: fields by path, `spec.template.spec.volumes`. */
  readonly hide?: readonly string[];
}

export interface ManifestCase {
  readonly file: string;
  readonly input: CaseInput;
  /** The file as it is, and as it would be written now. */
  readonly text: string;
  readonly expected: string;
}

const FOLDER = join(import.meta.dirname, 'cases');

export function manifestCases(): ManifestCase[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => {
      const file = join(FOLDER, name);
      const text = readFileSync(file, 'utf8');
      const input = parseAllDocuments(text)[0]?.toJS() as CaseInput;
      // The input stays as it was written, comments included.
      const written = text.split(/^---$/m)[0] ?? '';
      return { file, input, text, expected: [written.trimEnd(), ...shown(input).map(objectText)].join('\n---\n') };
    });
}

/** What the functions get for a spec as a user writes it. Throws when the API server would refuse it. */
export function manifestInput(input: Omit<CaseInput, 'about' | 'show' | 'hide'>): ManifestInput {
  const metadata = { name: 'default', namespace: 'mail', uid: '6f1c0f0e-4c2e-4f3a-9a43-3b0d5c1e7a10' };
  const checked = validateResource({ apiVersion: API_VERSION, kind: 'RelayFleet', metadata, spec: input.spec ?? {} });
  if (!checked.ok)
    throw new Error(checked.problems.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'));
  const { spec } = checked.resource as RelayFleet;
  const { lameDuckSeconds = 35, drainSeconds } = spec;
  return {
    fleet: { ...metadata, spec },
    settings: settingsSchema.parse({ relayImage: 'registry.example/isthmus/relay:0.1.0', ...input.settings }),
    operatorNamespace: 'isthmus-system',
    compiled: { ports: { nextHops: input.nextHopPorts ?? [25] }, lameDuckSeconds, drainSeconds },
    replicas: input.replicas === undefined ? 3 : (input.replicas ?? undefined),
    serviceMonitors: input.serviceMonitors ?? false,
    ...(input.clusterResolvers === undefined ? {} : { clusterResolvers: input.clusterResolvers }),
  };
}

function shown(input: CaseInput): object[] {
  return fleetObjects(manifestInput(input))
    .filter(({ type }) => input.show?.includes(type.kind) ?? true)
    .map(({ object }) => (input.hide ?? []).reduce(without, structuredClone(object) as Record<string, unknown>));
}

function without(object: Record<string, unknown>, path: string): Record<string, unknown> {
  const names = path.split('.');
  const last = names.pop() ?? '';
  const parent = names.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], object);
  if (typeof parent === 'object' && parent !== null) delete (parent as Record<string, unknown>)[last];
  return object;
}

/** An entry that is one name in two layers, as the config volume has 80, stands on one line. */
function objectText(object: object): string {
  const text = stringify(object, { lineWidth: 0, aliasDuplicateObjects: false });
  return text.trimEnd().replace(/^( *- \w+):\n +name: (\S+)\n +optional: true$/gm, '$1: { name: $2, optional: true }');
}
