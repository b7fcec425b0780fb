/** A revision that kills whoever runs it, played by a test: a relay that is told to run it dies, as often as it starts. */

import { readdirSync, readFileSync } from 'node:fs';
import { REVISION_ANNOTATION } from '../../../operator/manifests/names.ts';
import { until } from '../daemon.ts';
import { NAMESPACE, type World } from './world.ts';

interface Told {
  readonly metadata: { readonly uid: string; readonly annotations?: Readonly<Record<string, string>> };
}

/** UIDs of pods by the revision that they are told to run. */
async function told({ cluster }: World): Promise<ReadonlyMap<string, string>> {
  const selector = encodeURIComponent('app.kubernetes.io/name=isthmus-relay');
  const { body } = await cluster.controlPlane.ask(`/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=${selector}`);
  const { items } = body as { items: readonly Told[] };
  return new Map(items.map(({ metadata }) => [metadata.uid, metadata.annotations?.[REVISION_ANNOTATION] ?? '']));
}

/** What comes of `change` is poison until `isOver`; the value is the pods that had it, by UID. */
export async function poison(
  world: World,
  change: () => Promise<void>,
  isOver: () => Promise<boolean>,
): Promise<ReadonlySet<string>> {
  const good = new Set((await told(world)).values());
  await change();
  const had = new Set<string>();
  const killed = async () => {
    for (const [uid, revision] of await told(world)) {
      if (good.has(revision)) continue;
      had.add(uid);
      for (const pid of relaysOf(uid)) kill(pid);
    }
    return await isOver();
  };
  await until('the poison is gone', killed, { seconds: 120, every: 5 });
  return had;
}

/** All but that which holds its network. Seen from outside they are ours too: their control group has the UID in its name. */
function relaysOf(uid: string): number[] {
  const group = `pod${uid}`;
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || textOf(name, 'comm') === 'pause') return [];
    return textOf(name, 'cgroup').includes(group) ? [Number(name)] : [];
  });
}

function textOf(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').trim();
  } catch {
    // It has ended meanwhile.
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // So it has.
  }
}
