/** From folders to configurations: reads, keeps the last good content of each file, compiles, and remembers. */

import { CompileMemory } from '../operator/compile/memory.ts';
import type { CompileResult, FleetResult } from '../operator/compile/result.ts';
import { compileManifests } from './compilation.ts';
import { type Diagnosis, diagnose } from './diagnosis.ts';
import { chooseFleet } from './fleet-choice.ts';
import type { Manifests } from './manifests/document.ts';
import { FolderReader } from './manifests/folder.ts';
import { LastGood } from './manifests/last-good.ts';
import type { RelayCommand } from './relay-options.ts';
import { signingKeys } from './signing-keys.ts';
import { readState, type State, writeState } from './state.ts';

export interface Reading {
  readonly diagnoses: readonly Diagnosis[];
  /** Files of which an earlier content is in force. */
  readonly kept: readonly string[];
  /** The fleet to be. Throws a CommandLineError when the manifests have none, or several to choose from. */
  fleet(): FleetResult;
  /** What remember() takes. */
  state(): State;
}

export class RelaySource {
  readonly #folders: readonly string[];
  readonly #dataFolder: string;
  readonly #fleet: string | undefined;
  readonly #ownCertificate: boolean;
  readonly #signingKeys: readonly string[];
  readonly #reader = new FolderReader();
  readonly #lastGood = new LastGood();
  #state: State;
  #memory: CompileMemory | undefined;

  constructor({ manifests, dataFolder, fleet, tlsFiles }: RelayCommand) {
    this.#folders = manifests;
    this.#dataFolder = dataFolder;
    this.#fleet = fleet;
    this.#ownCertificate = tlsFiles !== undefined;
    this.#state = readState(dataFolder);
    this.#signingKeys = signingKeys(dataFolder);
  }

  /** Looks at the folders as they are now. Remembers nothing yet: see remember(). */
  read(now: Date): Reading {
    const manifests = this.#lastGood.update(this.#folders.map((folder) => this.#reader.read(folder)));
    const compiled = this.#compile(manifests, now);
    const fleet = () => chooseFleet(compiled.fleets, this.#fleet);
    return {
      diagnoses: diagnose(manifests, compiled, { secretsMayBeMissing: false }),
      kept: manifests.kept,
      fleet,
      state: () => {
        const { namespace, name, config } = fleet();
        return { running: [{ namespace, name, config }], tombstones: compiled.tombstones };
      },
    };
  }

  #compile(manifests: Manifests, now: Date): CompileResult {
    // After an exception a memory is not to be used again.
    const memory = this.#memory ?? new CompileMemory();
    this.#memory = undefined;
    const options = {
      state: this.#state,
      now,
      ownCertificate: this.#ownCertificate,
      signingKeys: this.#signingKeys,
    };
    const compiled = compileManifests(manifests, options, memory);
    this.#memory = memory;
    return compiled;
  }

  /** The configuration read is in force now. */
  remember(state: State): void {
    this.#state = state;
    writeState(this.#dataFolder, state);
  }
}
