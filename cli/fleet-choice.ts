/** Which of the fleets that the manifests make is meant. */

import type { FleetResult } from '../operator/compile/result.ts';
import { CommandLineError } from './command-line.ts';

/** Throws a CommandLineError when there is none, or several to choose from. `wanted` is what --fleet says. */
export function chooseFleet(fleets: readonly FleetResult[], wanted: string | undefined): FleetResult {
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
