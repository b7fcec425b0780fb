/** promtool, Prometheus' own checker of alerting rules and runner of their tests. */

import { type Finished, run } from './child-process.ts';
import { ensurePackages } from './debian.ts';

export async function promtool(args: readonly string[]): Promise<Finished> {
  ensurePackages(['prometheus']);
  return run('promtool', args);
}
