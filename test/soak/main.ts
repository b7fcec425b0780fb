/** `npm run test:soak`: everything that happens to a fleet, in an order made from a seed, for as long as it is told to. */

import { launch } from '../cluster/launch.ts';

process.exitCode = await launch({ program: 'test/soak/inside.ts', arguments: () => process.argv.slice(2) });
