/** What a relay remembers in its data folder, read and never written. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SECRET_KEYS } from '../crds/v1alpha1/references.ts';
import { CommandLineError } from './command-line.ts';
import { signingKeys } from './signing-keys.ts';
import { readState, type State } from './state.ts';

export interface Memory {
  readonly state: State;
  /** Keys of trace fields. */
  readonly signingKeys: readonly string[];
}

/** Shows where the trace field goes; nobody believes what is signed with it. */
export const MADE_UP_KEY = 'made up to explain, known to all';

export function remembered(dataFolder: string | undefined): Memory {
  if (dataFolder === undefined) return { state: { running: [], tombstones: [] }, signingKeys: [MADE_UP_KEY] };
  if (!existsSync(dataFolder)) {
    throw new CommandLineError(`there is no folder ${dataFolder}`, "--data names a relay's, or is left out");
  }
  // Where there is no key yet, the relay would make one.
  const hasKey = existsSync(join(dataFolder, SECRET_KEYS.signing));
  return { state: readState(dataFolder), signingKeys: hasKey ? signingKeys(dataFolder) : [MADE_UP_KEY] };
}
