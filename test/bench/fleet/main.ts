/** `npm run bench:fleet`: a fleet of real pods on two nodes of this machine, measured. Nothing is asserted. */

import { launch } from '../../cluster/fleet/launch.ts';

process.exitCode = await launch('test/bench/fleet/inside.ts', process.argv.slice(2));
