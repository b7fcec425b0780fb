/** What the operator counts: controller-runtime's own names, and what is Isthmus' own. */

import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Compilation } from './compilation/compiler.ts';
import { type KubeMetrics, kubeMetrics } from './kube/metrics.ts';
import type { FleetIdentity } from './manifests/input.ts';
import type { FleetFacts, WrittenStatus } from './status/facts.ts';

type ResourceLabel = 'namespace' | 'kind' | 'accepted' | 'resolved';
type FleetName = Pick<FleetIdentity, 'namespace' | 'name'>;

export interface OperatorMetrics extends KubeMetrics {
  readonly registry: Registry;
  /** Call the result when it is done. */
  readonly compileSeconds: { startTimer(): () => void };
  compiled(compilation: Compilation): void;
  fleet(fleet: FleetName, facts: FleetFacts | undefined): void;
  fleetStatus(fleet: FleetName, status: WrittenStatus): void;
  /** What it ran before cannot be read: nothing is given to its relays. */
  unreadable(fleet: FleetName): void;
  /** It has been deleted. */
  forget(fleet: FleetName): void;
  /** Those that are watched. */
  namespaces(all: readonly { readonly name: string; readonly seen: boolean }[]): void;
}

/** From one changed rule to everything. */
const COMPILE_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20];

export function operatorMetrics(): OperatorMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const compileSeconds = new Histogram({
    name: 'isthmus_operator_compile_seconds',
    help: 'Time from changed resources to what becomes of them',
    buckets: COMPILE_BUCKETS,
    registers,
  });
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers });
  const resources = gauge(
    'isthmus_operator_resources',
    'Resources, by whether they are accepted and all that they refer to is found',
    'namespace',
    'kind',
    'accepted',
    'resolved',
  );
  const labels = ['namespace', 'fleet'] as const;
  const pods = gauge('isthmus_operator_fleet_pods', 'Relay pods that are ready', ...labels);
  const programmed = gauge(
    'isthmus_operator_fleet_programmed_pods',
    'Ready pods that run what was compiled last',
    ...labels,
  );
  const failed = gauge(
    'isthmus_operator_fleet_canary_failed',
    '1: the first pod refused the last configuration',
    ...labels,
  );
  const heldBack = gauge(
    'isthmus_operator_fleet_held_back',
    '1: the last configuration may not be published',
    ...labels,
  );
  const stalled = gauge(
    'isthmus_operator_fleet_stalled',
    '1: nothing goes on until somebody changes something, as its condition Stalled says',
    ...labels,
  );
  const rolledOut = gauge(
    'isthmus_operator_fleet_rolled_out',
    '1: every relay that is asked for is there, available and of the newest pod template',
    ...labels,
  );
  const seen = gauge(
    'isthmus_operator_namespace_seen',
    '1: everything in this namespace has been read; 0: its fleets are left as they are',
    'namespace',
  );
  return {
    ...kubeMetrics(registry),
    registry,
    compileSeconds: { startTimer: () => compileSeconds.startTimer() },
    compiled({ statuses }) {
      // Thousands of resources, few of a kind: the registry is asked once for each of these.
      const counts = new Map<string, { labels: Record<ResourceLabel, string>; count: number }>();
      for (const { kind, namespace, conditions } of statuses) {
        const is = (type: string) => String(conditions.find((each) => each.type === type)?.status === 'True');
        const labels = { namespace, kind, accepted: is('Accepted'), resolved: is('ResolvedRefs') };
        const key = `${namespace} ${kind} ${labels.accepted} ${labels.resolved}`;
        const known = counts.get(key);
        if (known === undefined) counts.set(key, { labels, count: 1 });
        else known.count++;
      }
      resources.reset();
      for (const { labels, count } of counts.values()) resources.set(labels, count);
    },
    fleet({ namespace, name }, facts) {
      if (facts === undefined) return;
      const of = { namespace, fleet: name };
      const serving = facts.pods.filter(({ ready, terminating }) => ready && !terminating);
      pods.set(of, serving.length);
      programmed.set(of, serving.filter(({ uid }) => facts.reports.get(uid)?.running === facts.revision).length);
      failed.set(of, facts.failed === undefined ? 0 : 1);
      heldBack.set(of, facts.heldBack === undefined ? 0 : 1);
    },
    fleetStatus({ namespace, name }, { conditions = [] }) {
      const is = (type: string) => Number(conditions.some((each) => each.type === type && each.status === 'True'));
      stalled.set({ namespace, fleet: name }, is('Stalled'));
      rolledOut.set({ namespace, fleet: name }, is('RolledOut'));
    },
    unreadable: ({ namespace, name }) => heldBack.set({ namespace, fleet: name }, 1),
    namespaces: (all) => {
      for (const { name, seen: isSeen } of all) seen.set({ namespace: name }, isSeen ? 1 : 0);
    },
    forget: ({ namespace, name }) => {
      for (const each of [pods, programmed, failed, heldBack, stalled, rolledOut])
        each.remove({ namespace, fleet: name });
    },
  };
}
