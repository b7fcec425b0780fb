/** Writes the objects of every case anew: `node setup.mjs test/operator/manifests/write-cases.ts`; then read the difference. */

import { writeFileSync } from 'node:fs';
import { manifestCases } from './case.ts';

for (const { file, text, expected } of manifestCases()) {
  if (text !== `${expected}\n`) {
    writeFileSync(file, `${expected}\n`);
    process.stdout.write(`${file}\n`);
  }
}
