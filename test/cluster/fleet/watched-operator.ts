/** The operator of a world as a process of the test: every write of it passes a proxy, where it may be killed or something done first. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Asked, type FaultyProxy, faultyProxy } from '../../operator/kube/faulty-proxy.ts';
import { until } from '../daemon.ts';
import { killedAt } from '../operator/killed-at.ts';
import { type OperatorProcess, startOperator } from '../operator/installation.ts';
import { changeRule, REPLICAS, untilKnown } from './deeds.ts';
import { NAMESPACE, type World } from './world.ts';

/** How often, by what was written. The manifest names the candidate at first, and calls it proven at last. */
export type Written = Record<'slot' | 'manifest' | 'pod' | 'status', number>;

export interface WatchedOperator {
  readonly proxy: FaultyProxy;
  /**
   * It makes a change, and dies at its next write when it has written so much; every relay is replaced by one that has run
   * nothing before, and then there is another operator. False: it never came so far.
   */
  killedAfter(change: number, written: Partial<Written>): Promise<boolean>;
  /** The world has its own again. */
  stop(): Promise<void>;
}

export async function watchOperator(world: World): Promise<WatchedOperator> {
  const { controlPlane } = world.cluster;
  await world.scaleOperator(0);
  const proxy = await faultyProxy(controlPlane);
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-watched-'));
  const settings = join(folder, 'settings.yaml');
  writeFileSync(settings, await settingsOf(world));
  const start = async () => {
    // The one before it is certainly dead.
    await world.kubectl('delete', 'lease', 'isthmus-operator', '--ignore-not-found');
    const { kubeconfig } = proxy;
    return await startOperator({ folder, kubeconfig, settings, namespace: NAMESPACE, name: 'watched' });
  };
  let operator: OperatorProcess = await start();
  return {
    proxy,
    async killedAfter(change, written) {
      const isTime = (before: readonly Asked[]) => isSoFar(before, written);
      const cause = () => changeRule(world, change);
      const isDone = async () => {
        const rule = await world.eyes.get('rewriterule', 'changing');
        const programmed = rule?.status?.conditions?.find(({ type }) => type === 'Programmed');
        return programmed?.status === 'True' && programmed.observedGeneration === rule?.metadata.generation;
      };
      const wasKilled = await killedAt(proxy, operator, { isTime, cause, isDone });
      const names = (await world.pods()).map(({ name }) => name);
      await world.kubectl('delete', 'pod', ...names, '--force', '--grace-period=0');
      // With nobody there who could write anything: what is stored is complete.
      await world.settled(REPLICAS);
      operator = await start();
      await untilKnown(world, change);
      // Else the next death would be among the writes of this change.
      await until('it says so', isDone, { seconds: 60 });
      return wasKilled;
    },
    async stop() {
      await operator.daemon.kill();
      await proxy.stop();
      rmSync(folder, { recursive: true, force: true });
      await world.kubectl('delete', 'lease', 'isthmus-operator', '--ignore-not-found');
      await world.scaleOperator(1);
    },
  };
}

const PATHS: Readonly<Record<keyof Written, RegExp>> = {
  slot: /\/(?:configmaps|secrets)\/[^/]+-f\d+-s?\d+$/,
  manifest: /\/configmaps\/[^/]+-f\d+$/,
  pod: /\/pods\/[^/]+$/,
  status: /\/status$/,
};

function isSoFar(asked: readonly Asked[], written: Partial<Written>): boolean {
  return Object.entries(written).every(([what, times]) => {
    const pattern = PATHS[what as keyof Written];
    return asked.filter(({ path }) => pattern.test(path)).length >= times;
  });
}

async function settingsOf({ eyes }: World): Promise<string> {
  const [settings] = (await eyes.list('configmaps')).flatMap(({ data }) => data?.['settings.yaml'] ?? []);
  if (settings === undefined) throw new Error('the chart has no settings');
  return settings;
}
