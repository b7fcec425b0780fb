/** What a claim needs to know of the sending side around it. */

import type { Target } from '../core/delivery.ts';
import type { Durations } from './durations.ts';
import type { Route } from './route.ts';

export interface ClaimEnvironment {
  readonly durations: Durations;
  /** undefined when the configuration has no such route any more. */
  routeFor(target: Target): Route | undefined;
  /** Milliseconds a recipient may take, everything included. */
  patience(): number;
}
