/** `npm run bench:fleet`: a fleet of real pods on two nodes of this machine, measured. Nothing is asserted. */

import { launch } from '../../cluster/launch.ts';

process.exitCode = await launch({ program: 'test/bench/fleet/inside.ts', arguments: () => process.argv.slice(2) });
