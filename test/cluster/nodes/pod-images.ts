/** Images for pods of a static program each, made on the spot as archives that containerd imports. */

import { join } from 'node:path';
import { writeLayer, writeLayout } from '../../../deploy/image/layout.ts';

/** The path of the archive of `localhost/isthmus/NAME:1`, which runs `program` as nobody in particular. */
export async function staticImage(name: string, program: string, folder: string): Promise<string> {
  const layer = await writeLayer([{ kind: 'file', path: name, from: program, executable: true }], folder);
  const facts = {
    repository: `localhost/isthmus/${name}`,
    tag: '1',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    config: { Entrypoint: [`/${name}`], User: '65532:65532' },
  };
  const archive = join(folder, `${name}.tar`);
  await writeLayout(facts, [layer], archive);
  return archive;
}
