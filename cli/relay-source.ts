/** From folders to configurations: reads, keeps the last good content of each file, compiles, and remembers. */

import type { FleetResult } from '../operator/compile/result.ts';
import { CommandLineError } from './command-line.ts';
import { compileManifests } from './compilation.ts';
import { type Diagnosis, diagnose } from './diagnosis.ts';
import { FolderReader } from './manifests/folder.ts';
import { LastGood } from './manifests/last-good.ts';
import type { RelayCommand } from './relay-options.ts';
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
  readonly #reader = new FolderReader();
  readonly #lastGood = new LastGood();
  #state: State;

  constructor({ manifests, dataFolder, fleet, tlsFiles }: RelayCommand) {
    this.#folders = manifests;
    this.#dataFolder = dataFolder;
    this.#fleet = fleet;
    this.#ownCertificate = tlsFiles !== undefined;
    this.#state = readState(dataFolder);
  }

  /** Looks at the folders as they are now. Remembers nothing yet: see remember(). */
  read(now: Date): Reading {
    const manifests = this.#lastGood.update(this.#folders.map((folder) => this.#reader.read(folder)));
    const compiled = compileManifests(manifests, { state: this.#state, now, ownCertificate: this.#ownCertificate });
    const fleet = () => this.#choose(compiled.fleets);
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

  /** The configuration read is in force now. */
  remember(state: State): void {
    this.#state = state;
    writeState(this.#dataFolder, state);
  }

  #choose(fleets: readonly FleetResult[]): FleetResult {
    const wanted = this.#fleet;
    const found = wanted === undefined ? fleets : fleets.filter(({ name }) => name === wanted);
    const names = fleets.map(({ name }) => name).join(', ');
    const [fleet, ...others] = found;
    if (fleet === undefined) {
      throw new CommandLineError(
        wanted === undefined ? 'the manifests have no RelayFleet' : `there is no RelayFleet ${wanted}`,
        names === '' ? 'name a folder with a SharedDomain' : `there is: ${names}`,
      );
    }
    if (others.length > 0)
      throw new CommandLineError('the manifests have several RelayFleets', `choose one with --fleet: ${names}`);
    return fleet;
  }
}
