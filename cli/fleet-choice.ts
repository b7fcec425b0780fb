/** Which of the fleets that the manifests make is meant. */

import { CommandLineError } from './command-line.ts';

/**
 * Throws a CommandLineError when there is none, or several to choose from. `wanted` is what --fleet says; `owner` begins
 * the sentence about those there are.
 */
export function chooseFleet<F extends { readonly name: string }>(
  fleets: readonly F[],
  wanted: string | undefined,
  owner = 'the manifests have',
): F {
  const found = wanted === undefined ? fleets : fleets.filter(({ name }) => name === wanted);
  const names = fleets.map(({ name }) => name).join(', ');
  const [fleet, ...others] = found;
  if (fleet === undefined) {
    throw new CommandLineError(
      wanted === undefined ? `${owner} no RelayFleet` : `there is no RelayFleet ${wanted}`,
      names === '' ? 'name another place, where a SharedDomain is' : `there is: ${names}`,
    );
  }
  if (others.length > 0)
    throw new CommandLineError(`${owner} several RelayFleets`, `choose one with --fleet: ${names}`);
  return fleet;
}
