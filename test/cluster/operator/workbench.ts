/** One fleet in this very process, on a real API server: what it is compiled to, what its pods say and what time it is are the test's. */

import { join } from 'node:path';
import { SCHEMAS } from '../../../crds/v1alpha1/kinds.ts';
import type { RelayFleet } from '../../../crds/v1alpha1/relay-fleet.ts';
import type { CompiledFleet, Compiler } from '../../../operator/compilation/compiler.ts';
import { startCompiler } from '../../../operator/compilation/start.ts';
import { connect, type Kube } from '../../../operator/kube/client.ts';
import { Fleet } from '../../../operator/reconcile/fleet.ts';
import { RESOURCES } from '../../../operator/reconcile/kinds.ts';
import type { Surroundings } from '../../../operator/reconcile/surroundings.ts';
import { World } from '../../../operator/reconcile/world.ts';
import type { PodReport, RelayPod } from '../../../operator/rollout/pods.ts';
import { settingsSchema } from '../../../operator/settings.ts';
import { type Asked, type FaultyProxy, faultyProxy } from '../../operator/kube/faulty-proxy.ts';
import { ROOT } from '../../support/test-files.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { DOMAIN, FLEET, fleetOf, KEY, route } from '../../operator/compilation/small-world.ts';
import { Eyes } from './seen.ts';

export const isWrite = ({ method }: Asked) => method !== 'GET';

export interface Workbench {
  readonly plane: ControlPlane;
  readonly proxy: FaultyProxy;
  readonly eyes: Eyes;
  readonly kube: Kube;
  readonly world: World;
  readonly told: string[];
  /** Milliseconds since 1970: it stands still unless the test moves it. */
  now: number;
  leads: () => boolean;
  answer: (pod: RelayPod) => Partial<PodReport> | undefined;
  /** A RelayFleet of that name, made anew. */
  fleet(name: string, spec?: object): Promise<{ readonly fleet: Fleet; readonly resource: RelayFleet }>;
  /** The same as another leader finds it. */
  again(name: string): Promise<{ readonly fleet: Fleet; readonly resource: RelayFleet }>;
  /** As it stands in the cluster now. */
  resource(name: string): Promise<RelayFleet>;
  /** What became of a fleet of one domain and one route; `tenant` makes each another revision. */
  compiled(fleet: string, tenant: string): Promise<CompiledFleet>;
  stop(): Promise<void>;
}

export async function workbench(): Promise<Workbench> {
  const plane = await startControlPlane();
  const proxy = await faultyProxy(plane);
  await plane.kubectlOrThrow(['apply', '--server-side', '-f', join(ROOT, 'crds/generated')]);
  await plane.kubectlOrThrow(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  await plane.kubectlOrThrow(['create', 'namespace', 'mail']);
  const kube = connect({ kubeconfig: proxy.kubeconfig });
  const compilers: Compiler[] = [];
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const events = {
    resource: () => undefined,
    data: () => undefined,
    workload: () => undefined,
    seen: () => undefined,
    unseen: () => undefined,
    unknown: () => undefined,
    wentBack: () => undefined,
  };
  const world = new World({ api: kube, namespaces: ['mail'], events, log: silent });
  await world.start();
  const compiler = async () => {
    const started = await startCompiler({ credentialKey: KEY, domains: [] });
    compilers.push(started);
    return started;
  };
  let shared: Promise<Compiler> | undefined;
  const bench: Workbench = {
    ...{ plane, proxy, kube, world },
    eyes: new Eyes(plane, 'mail'),
    told: [],
    now: Date.now(),
    leads: () => true,
    answer: () => undefined,
    async resource(name) {
      const answer = await kube.get(RESOURCES.RelayFleet, 'mail', name);
      if (!answer.ok) throw new Error(answer.message);
      return { ...answer.value, spec: SCHEMAS.RelayFleet.spec.parse(answer.value['spec'] ?? {}) } as RelayFleet;
    },
    async fleet(name, spec = {}) {
      const object = { apiVersion: 'isthmus.dev/v1alpha1', kind: 'RelayFleet', metadata: { name }, spec };
      await bench.eyes.apply(object);
      return await bench.again(name);
    },
    async again(name) {
      const resource = await bench.resource(name);
      const around: Surroundings = {
        ...{ api: kube, world, compiler: await compiler(), operatorNamespace: 'mail', log: silent },
        settings: settingsSchema.parse({ relayImage: 'relay.example/relay:1' }),
        now: () => bench.now,
        assertLeader: () => {
          if (!bench.leads()) throw new Error('this process leads no longer');
        },
        askPods: (pods) => Promise.resolve(new Map(pods.flatMap((pod) => reportOf(pod, around.now())))),
        event: (_, __, reason) => void bench.told.push(reason),
      };
      const fleet = new Fleet(around, { namespace: 'mail', name, uid: resource.metadata.uid ?? '' });
      const restored = await fleet.prepare(resource);
      if (!restored.ok) throw new Error(restored.message);
      return { fleet, resource };
    },
    async compiled(fleet, tenant) {
      shared ??= compiler();
      const one = await shared;
      one.update([FLEET, DOMAIN, route({ domains: [`${tenant}.example`] })]);
      return { ...fleetOf(await one.compile(bench.now)), name: fleet };
    },
    async stop() {
      await Promise.all(compilers.map((each) => each.close()));
      world.stop();
      await kube.close();
      await proxy.stop();
      await plane.stop();
    },
  };
  const reportOf = (pod: RelayPod, at: number): [string, PodReport][] => {
    const said = bench.answer(pod);
    const silentPod = { uid: pod.uid, at, formats: [1], wanted: undefined, running: undefined, refused: undefined };
    return said === undefined ? [] : [[pod.uid, { ...silentPod, findings: [], ...said }]];
  };
  return bench;
}
