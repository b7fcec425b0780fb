/** What runs in all fleets that the resources name, and what is to be said where it cannot be read. */

import type { Api } from '../../operator/kube/api.ts';
import type { Diagnosis, DiagnosedManifests } from '../diagnosis.ts';
import type { State } from '../state.ts';
import { placeOf } from './content.ts';
import { readInForce } from './in-force.ts';

export interface ClusterMemory {
  readonly state: State;
  readonly remarks: readonly Diagnosis[];
}

export async function readMemory(api: Api, { documents }: DiagnosedManifests): Promise<ClusterMemory> {
  const fleets = documents.filter(({ kind }) => kind === 'RelayFleet');
  const found = await Promise.all(
    fleets.map(async (fleet) => ({ fleet, inForce: await readInForce(api, fleet.namespace, fleet.name) })),
  );
  const read = found.flatMap(({ inForce }) => (inForce.state === 'Read' ? [inForce] : []));
  const remarks = found.flatMap(({ fleet, inForce }): Diagnosis[] => {
    const remark = (severity: Diagnosis['severity'], message: string): Diagnosis[] => [
      { severity, file: placeOf(fleet), line: undefined, path: '', subject: undefined, message },
    ];
    switch (inForce.state) {
      case 'Nothing':
        return remark('note', 'nothing runs yet: who of two resources holds a name is told by their age');
      case 'Unreadable':
        return remark('warning', `what runs cannot be read (${inForce.why}): who holds a name is told by age alone`);
      case 'Read':
        if (!inForce.withoutSecrets) return [];
        return remark('note', 'you may not read its Secrets: who holds the names in tables of Secrets is told by age');
    }
  });
  const state = {
    running: read.map(({ running }) => running),
    tombstones: read.flatMap(({ tombstones }) => tombstones),
  };
  return { state, remarks };
}
