/** `npm run test:soak`: everything that happens to a fleet, in an order made from a seed, for as long as it is told to. */

import { launch } from '../cluster/fleet/launch.ts';

process.exitCode = await launch('test/soak/inside.ts', process.argv.slice(2));
