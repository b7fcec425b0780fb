/** One operator for several namespaces: each a trust domain of its own, and who may claim a domain is the operator's setting. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { install, type Installation, type OperatorProcess } from './installation.ts';
import { Eyes, john, relayFleet, sharedDomain, tenantRoute } from './seen.ts';

describe('an operator that reads every namespace', () => {
  let plane: ControlPlane;
  let installation: Installation;
  let operator: OperatorProcess;
  const eyes = new Map<string, Eyes>();
  const eyesIn = (namespace: string): Eyes => {
    const found = eyes.get(namespace) ?? new Eyes(plane, namespace);
    found.log = () => operator.daemon.log();
    eyes.set(namespace, found);
    return found;
  };

  beforeAll(async () => {
    plane = await startControlPlane();
    const domains = [{ match: 'owned.example', namespaces: ['mail-a'] }];
    const values = { clusterWide: true, domains, defaultFleet: { create: false } };
    installation = await install(plane, { namespace: 'isthmus', values });
    operator = await installation.startOperator();
    for (const namespace of ['mail-a', 'mail-b']) {
      await plane.kubectlOrThrow(['create', 'namespace', namespace]);
      await plane.kubectlOrThrow([
        'label',
        'namespace',
        namespace,
        'pod-security.kubernetes.io/enforce=restricted',
        'pod-security.kubernetes.io/warn=restricted',
      ]);
      await eyesIn(namespace).apply(relayFleet('default', { replicas: 1 }));
    }
  });
  afterAll(async () => {
    await installation?.stop();
    await plane?.stop();
  });

  it('makes a fleet in each, whose pods the restricted Pod Security standard admits', async () => {
    for (const namespace of ['mail-a', 'mail-b']) {
      const deployment = await eyesIn(namespace).until(
        'deployment',
        'default-relay',
        'has its pod',
        (seen) => seen?.status?.['replicas'] === 1,
      );
      expect(JSON.stringify(deployment?.status)).not.toContain('FailedCreate');
    }
  });

  it('lets two namespaces run a domain that both claim, and says it to both', async () => {
    for (const namespace of ['mail-a', 'mail-b'])
      await eyesIn(namespace).apply(
        sharedDomain('shared', { domain: 'shared.example' }),
        tenantRoute('tenant1'),
        john(),
      );
    for (const [namespace, other] of [
      ['mail-a', 'mail-b'],
      ['mail-b', 'mail-a'],
    ] as const) {
      const condition = await eyesIn(namespace).untilReason('shareddomain', 'shared', 'Conflicted', 'Conflicted');
      expect(condition).toMatchObject({ status: 'True' });
      expect(condition.message).toContain(`"${other}"`);
      expect((await eyesIn(namespace).condition('shareddomain', 'shared', 'Accepted'))?.status).toBe('True');
      expect((await eyesIn(namespace).get('rewriterule', 'john'))?.status?.['entries']).toBe(1);
    }
  });

  it('refuses a domain to a namespace that its setting does not name', async () => {
    for (const namespace of ['mail-a', 'mail-b'])
      await eyesIn(namespace).apply(sharedDomain('owned', { domain: 'owned.example' }));
    const refused = await eyesIn('mail-b').untilReason('shareddomain', 'owned', 'Accepted', 'DomainNotAllowed');
    expect(refused.message).toContain('owned.example');
    expect((await eyesIn('mail-a').untilReason('shareddomain', 'owned', 'Accepted', 'Accepted')).status).toBe('True');
  });
});
