/** Every resource says what became of it, and what is wrong with one breaks no other. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { install, type Installation, type OperatorProcess } from './installation.ts';
import { configMap, Eyes, john, relayFleet, rewriteRule, secret, sharedDomain, tenantRoute } from './seen.ts';

describe('with the chart installed and the samples applied', () => {
  let plane: ControlPlane;
  let installation: Installation;
  let operator: OperatorProcess;
  let eyes: Eyes;

  beforeAll(async () => {
    plane = await startControlPlane();
    installation = await install(plane, { namespace: 'mail' });
    operator = await installation.startOperator();
    eyes = new Eyes(plane, 'mail');
    eyes.log = () => operator.daemon.log();
    await eyes.apply(sharedDomain('shared', { domain: 'shared.example' }), tenantRoute('tenant1'), john());
    await eyes.untilReason('rewriterule', 'john', 'ResolvedRefs', 'ResolvedRefs');
  });
  afterAll(async () => {
    await installation?.stop();
    await plane?.stop();
  });

  it('accepts what is right, and says that no pod runs it yet', async () => {
    for (const [kind, name] of [
      ['shareddomain', 'shared'],
      ['tenantroute', 'tenant1'],
      ['rewriterule', 'john'],
    ] as const) {
      expect((await eyes.untilReason(kind, name, 'Accepted', 'Accepted')).status).toBe('True');
      expect((await eyes.untilReason(kind, name, 'Programmed', 'NoReadyPods')).status).toBe('False');
      expect((await eyes.condition(kind, name, 'Ready'))?.status).toBe('False');
      expect((await eyes.condition(kind, name, 'Reconciling'))?.status).toBe('True');
      expect(await eyes.condition(kind, name, 'Stalled')).toBeUndefined();
    }
    const rule = await eyes.get('rewriterule', 'john');
    expect(rule?.status).toMatchObject({ observedGeneration: 1, entries: 1, rejectedEntries: 0 });
    const domain = await eyes.get('shareddomain', 'shared');
    expect(domain?.status).toMatchObject({ tenantCount: 1, addressCount: 1 });
  });

  it('names a reference that leads nowhere, and forgets it when it is there', async () => {
    const lost = john({ sharedDomainRef: { name: 'nowhere' } });
    await eyes.apply({ ...lost, metadata: { name: 'lost' } });
    const condition = await eyes.untilReason('rewriterule', 'lost', 'ResolvedRefs', 'NotFound');
    expect(condition.message).toContain('SharedDomain "nowhere" does not exist in namespace "mail"');
    expect((await eyes.condition('rewriterule', 'lost', 'Reconciling'))?.reason).toBe('NotFound');
    expect((await eyes.condition('rewriterule', 'john', 'Accepted'))?.status).toBe('True');
    await eyes.remove('rewriterule', 'lost');
  });

  it('names a Secret without its key, and follows the Secret when it is mended', async () => {
    await eyes.apply(secret('smart', { username: 'isthmus' }));
    const nextHop = {
      hosts: [{ host: 'mail.tenant2.example' }],
      tls: { mode: 'Verified' },
      auth: { secretRef: { name: 'smart' } },
    };
    await eyes.apply(tenantRoute('tenant2', { nextHop, sources: [{ cidrs: ['198.51.100.0/24'] }] }));
    const missing = await eyes.untilReason('tenantroute', 'tenant2', 'ResolvedRefs', 'KeyNotFound');
    expect(missing.message).toContain('"password"');
    await eyes.apply(secret('smart', { username: 'isthmus', password: 'correct horse battery' }));
    await eyes.untilReason('tenantroute', 'tenant2', 'ResolvedRefs', 'ResolvedRefs');
    const texts = JSON.stringify(await eyes.list('isthmus,configmaps,events')) + operator.daemon.log();
    expect(texts).not.toContain('correct horse battery');
    expect(texts).not.toContain(Buffer.from('correct horse battery').toString('base64'));
  });

  it('leaves an address to the rule that has it, and names that rule to the other', async () => {
    const addresses = [{ internal: 'johnny@tenant1.example', external: 'john@shared.example' }];
    await eyes.apply({ ...john({ addresses }), metadata: { name: 'second' } });
    const condition = await eyes.untilReason('rewriterule', 'second', 'Accepted', 'Conflicted');
    expect(condition.message).toContain('john');
    expect((await eyes.condition('rewriterule', 'second', 'Stalled'))?.reason).toBe('Conflicted');
    expect((await eyes.get('rewriterule', 'john'))?.status).toMatchObject({ entries: 1, rejectedEntries: 0 });
    await eyes.remove('rewriterule', 'second');
  });

  it('reads tables from ConfigMaps, tells broken rows by line, and names the version that it has read', async () => {
    const header = 'Name,InternalAddress,ExternalAddress\n';
    await eyes.apply(
      configMap('table', { 'a.csv': `${header}Ann,ann@tenant1.example,ann@shared.example\nBroken,nothing,at all\n` }),
      rewriteRule('table', {
        sharedDomainRef: { name: 'shared' },
        tenantRouteRef: { name: 'tenant1' },
        addressesFrom: [{ configMapKeyRef: { name: 'table', key: 'a.csv' } }],
      }),
    );
    const partial = await eyes.untilReason('rewriterule', 'table', 'PartiallyInvalid', 'InvalidRow');
    expect(partial.message).toContain('line 3');
    const two = `${header}Ann,ann@tenant1.example,ann@shared.example\nBob,bob@tenant1.example,bob@shared.example\n`;
    await eyes.apply(configMap('table', { 'a.csv': two }));
    const version = (await eyes.get('configmap', 'table'))?.metadata.resourceVersion;
    const rule = await eyes.until('rewriterule', 'table', 'has both rows', (seen) => seen?.status?.['entries'] === 2);
    expect(rule?.status?.['sources']).toEqual([{ kind: 'ConfigMap', name: 'table', resourceVersion: version }]);
    expect(rule?.status?.conditions?.find(({ type }) => type === 'PartiallyInvalid')).toBeUndefined();
  });

  it('says of a domain without its fleet that there is none, and makes none', async () => {
    await eyes.apply(sharedDomain('stray', { domain: 'stray.example', fleetRef: { name: 'elsewhere' } }));
    await eyes.untilReason('shareddomain', 'stray', 'ResolvedRefs', 'FleetNotFound');
    expect(await eyes.get('deployment', 'elsewhere-relay')).toBeUndefined();
    await eyes.apply(relayFleet('elsewhere', { replicas: 1 }));
    await eyes.untilReason('shareddomain', 'stray', 'ResolvedRefs', 'ResolvedRefs');
    await eyes.until('deployment', 'elsewhere-relay', 'is there', (seen) => seen !== undefined);
    await eyes.remove('shareddomain', 'stray');
    await eyes.remove('relayfleet', 'elsewhere');
  });

  it('applies nothing to a fleet that is paused, and says so on what it serves', async () => {
    await eyes.apply(relayFleet('held', { replicas: 1, paused: true }));
    await eyes.apply(sharedDomain('held', { domain: 'held.example', fleetRef: { name: 'held' } }));
    await eyes.untilReason('shareddomain', 'held', 'Programmed', 'FleetPaused');
    expect(await eyes.get('deployment', 'held-relay')).toBeUndefined();
    expect(await eyes.get('configmap', 'held-f1')).toBeUndefined();
    await eyes.apply(relayFleet('held', { replicas: 1 }));
    await eyes.until('configmap', 'held-f1', 'is there', (seen) => seen !== undefined);
    await eyes.untilReason('shareddomain', 'held', 'Programmed', 'NoReadyPods');
  });

  it('tells in events what has changed', async () => {
    const events = (await eyes.list('events')) as unknown as { reason: string; involvedObject: { name: string } }[];
    const told = events.map(({ reason, involvedObject }) => `${involvedObject.name} ${reason}`);
    expect(told).toContain('second Conflicted');
    expect(told).toContain('lost NotFound');
  });

  it('shows the story in one command', async () => {
    const table = await plane.kubectlOrThrow(['get', 'isthmus', '--namespace', 'mail']);
    expect(table).toMatch(/relayfleet\.isthmus\.dev\/default\s+3/);
    expect(table).toMatch(/shareddomain\.isthmus\.dev\/shared\s+shared\.example\s+2\s+3\s+False\s+NoReadyPods/);
  });
});
