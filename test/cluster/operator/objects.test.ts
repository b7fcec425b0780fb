/** The objects of a fleet are written, owned, put right, and removed when they are wanted no more; and nothing more is written. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { until } from '../daemon.ts';
import { Audit, written } from './audit.ts';
import { install, type Installation, type OperatorProcess } from './installation.ts';
import { Eyes, john, relayFleet, type Seen, sharedDomain, tenantRoute } from './seen.ts';

const WORKLOAD =
  'deployments,services,serviceaccounts,poddisruptionbudgets,horizontalpodautoscalers,networkpolicies,configmaps,secrets';

describe('a fleet', () => {
  const audit = new Audit();
  let plane: ControlPlane;
  let installation: Installation;
  let operator: OperatorProcess;
  let eyes: Eyes;

  const ofFleet = (fleet: string) => eyes.list(WORKLOAD, '--selector', `isthmus.dev/fleet=${fleet}`);
  const names = (objects: readonly Seen[]) => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
  /** Nothing has been written for longer than the operator leaves between two looks. */
  const untilQuiet = async (): Promise<number> => {
    let last = -1;
    let since = Date.now();
    await until(
      'the operator writes nothing for 12 s',
      () => {
        const count = audit.writes().length;
        if (count !== last) since = Date.now();
        last = count;
        return Date.now() - since > 12_000;
      },
      { seconds: 60, every: 200 },
    );
    return last;
  };

  beforeAll(async () => {
    plane = await startControlPlane({ apiServer: audit.flags() });
    installation = await install(plane, { namespace: 'mail' });
    operator = await installation.startOperator();
    eyes = new Eyes(plane, 'mail');
    eyes.log = () => operator.daemon.log();
    await eyes.apply(sharedDomain('shared', { domain: 'shared.example' }), tenantRoute('tenant1'), john());
    await eyes.untilReason('rewriterule', 'john', 'Programmed', 'NoReadyPods');
  });
  afterAll(async () => {
    await installation?.stop();
    await plane?.stop();
    audit.remove();
  });

  it('has its objects, owned by it but for its Service and its keys', async () => {
    const objects = await ofFleet('default');
    expect(names(objects)).toEqual(
      expect.arrayContaining([
        'ConfigMap default-f1',
        'Deployment default-relay',
        'NetworkPolicy default-relay',
        'PodDisruptionBudget default-relay',
        'Secret default-signing',
        'Secret default-tls',
        'Service default-relay',
        'ServiceAccount default-relay',
      ]),
    );
    const unowned = objects.filter(({ metadata }) => metadata.ownerReferences === undefined);
    expect(names(unowned)).toEqual(['Secret default-signing', 'Secret default-tls', 'Service default-relay']);
    const fleet = await eyes.get('relayfleet', 'default');
    for (const { metadata } of objects.filter((object) => !unowned.includes(object))) {
      expect(metadata.ownerReferences).toMatchObject([
        { kind: 'RelayFleet', uid: fleet?.metadata.uid, controller: true },
      ]);
    }
  });

  it('is written once: neither time, nor a new leader, nor a touched label writes anything again', {
    timeout: 120_000,
  }, async () => {
    await untilQuiet();
    const before = audit.writes().length;
    await operator.daemon.kill('SIGTERM');
    operator = await installation.startOperator();
    await until('the new operator leads', async () => (await operator.metric('leader_election_master_status')) === 1);
    await until('it has compiled', async () => (await operator.metric('isthmus_operator_compile_seconds_count')) > 0);
    await plane.kubectlOrThrow(['label', 'rewriterule', 'john', 'team=mail', '--namespace', 'mail']);
    await untilQuiet();
    // The default fleet is applied at each start, by design; nothing of it changes.
    const since = audit.writes().slice(before);
    expect(written(since)).toEqual(['patch relayfleets default 200']);
  });

  it('writes one slot, the manifest and one status for one changed rule', { timeout: 120_000 }, async () => {
    const before = audit.writes().length;
    const addresses = [{ internal: 'j.smith@tenant1.example', external: 'john@shared.example' }];
    await eyes.apply(john({ addresses }));
    await eyes.untilReason('rewriterule', 'john', 'Programmed', 'NoReadyPods');
    await untilQuiet();
    const since = written(audit.writes().slice(before)).map((line) => line.replace(/default-f1-\d\d/, 'default-f1-NN'));
    expect(since).toEqual(
      expect.arrayContaining(['patch configmaps default-f1-NN 200', 'update configmaps default-f1 200']),
    );
    // The slot twice when no pod reads the old piece any more; the fleet's status names the revision.
    expect(since.length).toBeLessThanOrEqual(6);
  });

  it('puts back what somebody changes or removes', async () => {
    await plane.kubectlOrThrow(['scale', 'deployment', 'default-relay', '--replicas=1', '--namespace', 'mail']);
    await eyes.until('deployment', 'default-relay', 'has 3 pods again', (seen) => seen?.spec?.['replicas'] === 3);
    await eyes.remove('networkpolicy', 'default-relay');
    await eyes.until('networkpolicy', 'default-relay', 'is back', (seen) => seen !== undefined);
    const slot = (await ofFleet('default')).find(({ metadata }) => /^default-f1-\d\d$/.test(metadata.name));
    const name = slot?.metadata.name ?? '';
    await eyes.remove('configmap', name);
    const back = await eyes.until('configmap', name, 'is back', (seen) => seen !== undefined);
    for (const key of Object.keys(back?.binaryData ?? {})) expect(slot?.binaryData).toHaveProperty(key);
  });

  it('gives its autoscaler the pods, and takes them back', async () => {
    await eyes.apply(relayFleet('scaled', { autoscaling: { minReplicas: 2, maxReplicas: 5 } }));
    await eyes.until('hpa', 'scaled-relay', 'is there', (seen) => seen !== undefined);
    await eyes.until('deployment', 'scaled-relay', 'has 2 pods', (seen) => seen?.spec?.['replicas'] === 2);
    // As the HorizontalPodAutoscaler does: through the scale subresource, which makes the field its own.
    await plane.kubectlOrThrow(['scale', 'deployment', 'scaled-relay', '--replicas=4', '--namespace', 'mail']);
    await eyes.apply(relayFleet('scaled', { autoscaling: { minReplicas: 2, maxReplicas: 5 }, lameDuckSeconds: 7 }));
    const deployment = await eyes.until('deployment', 'scaled-relay', 'ends later', (seen) =>
      JSON.stringify(seen?.spec).includes(`"terminationGracePeriodSeconds":${7 + 8 + 60 + 600 + 15}`),
    );
    expect(deployment?.spec?.['replicas']).toBe(4);
    await plane.kubectlOrThrow(['delete', 'relayfleet', 'scaled', '--namespace', 'mail']);
    await eyes.apply(relayFleet('fixed', { replicas: 1 }));
    await eyes.until('deployment', 'fixed-relay', 'is there', (seen) => seen !== undefined);
    await eyes.apply(relayFleet('fixed', { autoscaling: { minReplicas: 2, maxReplicas: 5 } }));
    await eyes.until('hpa', 'fixed-relay', 'is there', (seen) => seen !== undefined);
    await eyes.apply(relayFleet('fixed', { replicas: 1 }));
    await eyes.until('hpa', 'fixed-relay', 'is removed', (seen) => seen === undefined);
  });

  it('leaves its Service and its keys behind, and nothing else', async () => {
    await eyes.remove('relayfleet', 'fixed');
    await until(
      'everything owned is collected',
      async () => (await ofFleet('fixed')).every(({ kind }) => kind === 'Service' || kind === 'Secret'),
      { every: 200 },
    );
    const left = names(await ofFleet('fixed'));
    expect(left).toEqual(['Secret fixed-signing', 'Secret fixed-tls', 'Service fixed-relay']);
  });

  it('takes nothing that somebody else has made, and says so', async () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'taken-relay' },
      spec: { ports: [{ port: 80 }], selector: { app: 'web' } },
    };
    await eyes.apply(service, relayFleet('taken', { replicas: 1 }));
    const fleet = await eyes.until('relayfleet', 'taken', 'says what is in its way', (seen) =>
      JSON.stringify(seen?.status?.conditions ?? []).includes('taken-relay'),
    );
    expect(JSON.stringify(fleet?.status)).toContain('has not made');
    expect((await eyes.get('service', 'taken-relay'))?.spec?.['selector']).toEqual({ app: 'web' });
    await eyes.remove('service', 'taken-relay');
    await eyes.until(
      'service',
      'taken-relay',
      'is the fleet’s',
      (seen) => seen?.metadata.labels?.['isthmus.dev/fleet'] === 'taken',
    );
  });
});

describe('Prometheus', () => {
  const serviceMonitors = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: 'servicemonitors.monitoring.coreos.com',
      annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' },
    },
    spec: {
      group: 'monitoring.coreos.com',
      scope: 'Namespaced',
      names: { kind: 'ServiceMonitor', plural: 'servicemonitors', singular: 'servicemonitor' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  };

  it('is told of a fleet where the cluster knows its kind, until that is switched off', {
    timeout: 240_000,
  }, async () => {
    const plane = await startControlPlane();
    const installation = await install(plane, { namespace: 'mail' });
    try {
      const eyes = new Eyes(plane, 'mail');
      await eyes.apply(serviceMonitors);
      await plane.kubectlOrThrow(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
      const operator = await installation.startOperator();
      eyes.log = () => operator.daemon.log();
      const monitor = await eyes.until('servicemonitor', 'default-relay', 'is there', (seen) => seen !== undefined);
      expect(monitor?.metadata.ownerReferences).toMatchObject([{ kind: 'RelayFleet', name: 'default' }]);
      await operator.daemon.kill('SIGTERM');
      const values = { fleets: { serviceMonitor: { enabled: false } } };
      const without = await install(plane, { namespace: 'mail', values });
      const next = await without.startOperator();
      eyes.log = () => next.daemon.log();
      await eyes.until('servicemonitor', 'default-relay', 'is removed', (seen) => seen === undefined);
      await without.stop();
    } finally {
      await installation.stop();
      await plane.stop();
    }
  });
});

describe('the default fleet', () => {
  it('leaves to others what others have set, and names it', { timeout: 120_000 }, async () => {
    const plane = await startControlPlane();
    const values = { defaultFleet: { spec: { replicas: 2, lameDuckSeconds: 10 } } };
    const installation = await install(plane, { namespace: 'mail', values });
    try {
      const eyes = new Eyes(plane, 'mail');
      await eyes.apply(relayFleet('default', { lameDuckSeconds: 20 }));
      await installation.startOperator();
      const fleet = await eyes.until('relayfleet', 'default', 'has 2 pods', (seen) => seen?.spec?.['replicas'] === 2);
      expect(fleet?.spec?.['lameDuckSeconds']).toBe(20);
      await until('an event names the field', async () =>
        JSON.stringify(await eyes.list('events')).includes('spec.lameDuckSeconds'),
      );
    } finally {
      await installation.stop();
      await plane.stop();
    }
  });
});
