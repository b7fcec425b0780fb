/** What `isthmus explain` plays a message in: one configuration, and what is to be said of where it comes from. */

import type { CompileResult } from '../operator/compile/result.ts';
import type { Credentials, RelayConfig } from '../relay/core/config.ts';
import { compileManifests } from './compilation.ts';
import { type DiagnosedManifests, diagnose } from './diagnosis.ts';
import { whatIsWaitedFor } from './explain-held.ts';
import { remembered } from './explain-memory.ts';
import { standInForSecrets } from './explain-stand-in.ts';
import { chooseFleet } from './fleet-choice.ts';
import { identity } from './manifests/document.ts';
import { readManifests } from './manifests/read.ts';

export interface World {
  readonly fleet: string;
  readonly config: RelayConfig;
  readonly credentials: Credentials;
  /** What holds mail back, a line each. */
  readonly waitsFor: readonly string[];
  /** Names of Secrets that are told as if they were there. */
  readonly madeUpSecrets: readonly string[];
  /** What else is to be said, a line each. */
  readonly notes: readonly string[];
}

export interface FolderSource {
  readonly type: 'Folders';
  readonly folders: readonly string[];
  readonly dataFolder: string | undefined;
}

export function worldOfFolders({ folders, dataFolder }: FolderSource, fleetName: string | undefined, now: Date): World {
  const read = readManifests(folders);
  const present = new Set(read.documents.map(identity));
  const { documents, names } = standInForSecrets(read.documents, (id) => !present.has(id));
  const manifests = { ...read, documents };
  const compiled = compileManifests(manifests, { ...remembered(dataFolder), now });
  return {
    ...compiledWorld(manifests, compiled, fleetName),
    madeUpSecrets: names,
    notes: names.map(
      (secret) => `Secret ${secret} is not among the manifests: the relay would not start; told as if it were there.`,
    ),
  };
}

/** `owner` begins the sentence about the fleets there are. */
export function compiledWorld(
  manifests: DiagnosedManifests,
  { fleets, tombstones, ...compiled }: CompileResult,
  fleetName: string | undefined,
  owner?: string,
): Pick<World, 'fleet' | 'config' | 'credentials' | 'waitsFor'> {
  const { name, config, credentials } = chooseFleet(fleets, fleetName, owner);
  const diagnoses = diagnose(manifests, compiled, { secretsMayBeMissing: false });
  return { fleet: name, config, credentials, waitsFor: whatIsWaitedFor(diagnoses, tombstones) };
}
