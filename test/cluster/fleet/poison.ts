/** A revision that kills whoever runs it, played by a test: a relay that is told to run it dies, as often as it starts. */

import { readdirSync, readFileSync } from 'node:fs';
import { REVISION_ANNOTATION } from '../../../operator/manifests/names.ts';
import type { FaultyProxy } from '../../operator/kube/faulty-proxy.ts';
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

/** What comes of `change` is poison until `isOver`; the value is the pods that had it, by UID. The operator writes through `proxy`. */
export async function poison(
  world: World,
  proxy: FaultyProxy,
  change: () => Promise<void>,
  isOver: () => Promise<boolean>,
): Promise<ReadonlySet<string>> {
  const good = new Set((await told(world)).values());
  const uids = new Map((await world.pods()).map(({ name, uid }) => [name, uid]));
  let isStopped = false;
  // Who is about to be told stands still until it dies: however late we come, it has not run it for a moment.
  proxy.next(['pass'], ({ method, path }) => {
    const uid = method === 'PATCH' ? uids.get(/\/pods\/([^/]+)$/.exec(path)?.[1] ?? '') : undefined;
    if (uid === undefined || isStopped) return false;
    isStopped = true;
    for (const pid of relaysOf(uid)) signal(pid, 'SIGSTOP');
    return true;
  });
  await change();
  const had = new Set<string>();
  const killed = async () => {
    for (const [uid, revision] of await told(world)) {
      if (good.has(revision)) continue;
      had.add(uid);
      for (const pid of relaysOf(uid)) signal(pid, 'SIGKILL');
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

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // So it has.
  }
}
