/** etcd restored from a backup under a running operator: it takes what is there for true, and no mail bounces. */

import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { until } from '../daemon.ts';
import { install, type Installation, type OperatorProcess } from './installation.ts';
import { Eyes, john, rewriteRule, sharedDomain, tenantRoute } from './seen.ts';
import { stored, storedConfig } from './stored.ts';

/** Longer than etcd is away: the leader stays. */
const settings = {
  leaderElection: { leaseDurationSeconds: 240, renewDeadlineSeconds: 200, retryPeriodSeconds: 1 },
};

/** Many more than everybody together writes while the operator comes back. */
const WRITES = 1000;

describe('etcd restored from a backup', () => {
  let plane: ControlPlane;
  let installation: Installation;
  let operator: OperatorProcess;
  let eyes: Eyes;

  const config = () => storedConfig(eyes, 'default');
  const rule = async (name: string) => (await config()).rewriteRules.find((each) => each.name === name);
  const ann = rewriteRule('ann', {
    sharedDomainRef: { name: 'shared' },
    tenantRouteRef: { name: 'tenant1' },
    addresses: [{ internal: 'ann@tenant1.example', external: 'ann@shared.example' }],
  });
  const bea = (name: string) =>
    rewriteRule('bea', {
      sharedDomainRef: { name: 'shared' },
      tenantRouteRef: { name: 'tenant1' },
      addresses: [{ internal: `${name}@tenant1.example`, external: 'bea@shared.example' }],
    });
  const untilSo = (what: string, isSo: () => Promise<boolean>, seconds = 60) =>
    until(what, isSo, { seconds, detail: () => operator.daemon.log().slice(-6000) });

  /** A backup is minutes old: until the restored server's moments have caught up with it, the operator has asked long ago. */
  const writeMuch = async () => {
    await plane.apply('{apiVersion: v1, kind: ConfigMap, metadata: {name: written, namespace: default}}');
    for (let count = 1; count <= WRITES; count += 1) {
      const { status } = await plane.ask('/api/v1/namespaces/default/configmaps/written', {
        method: 'PATCH',
        contentType: 'application/merge-patch+json',
        body: { data: { count: String(count) } },
      });
      if (status !== 200) throw new Error(`write ${count} was answered ${status}`);
    }
  };

  beforeAll(async () => {
    plane = await startControlPlane();
    installation = await install(plane, { namespace: 'mail', settings });
    operator = await installation.startOperator();
    eyes = new Eyes(plane, 'mail');
    eyes.log = () => operator.daemon.log();
    await eyes.apply(sharedDomain('shared', { domain: 'shared.example' }), tenantRoute('tenant1'), john(), bea('b1'));
    await untilSo('both are stored', async () => (await stored(eyes, 'default'))?.config.rewriteRules.length === 2);
  }, 180_000);
  afterAll(async () => {
    await installation?.stop();
    await plane?.stop();
  });

  it('is taken for true, and what it does not know any more is held', { timeout: 300_000 }, async () => {
    const backup = join(plane.folder, 'backup');
    await plane.stopEtcd();
    cpSync(join(plane.folder, 'etcd'), backup, { recursive: true });
    plane.startEtcd();
    // What the backup does not know: a rule that changed, one that was made, an object that was removed.
    await eyes.apply(
      john({ addresses: [{ internal: 'j@tenant1.example', external: 'john@shared.example' }] }),
      ann,
      bea('b2'),
    );
    await untilSo('all are stored', async () => {
      return (await rule('ann')) !== undefined && (await rule('john'))?.addresses[0]?.[0] === 'j@tenant1.example';
    });
    await untilSo('bea is stored', async () => (await rule('bea'))?.addresses[0]?.[0] === 'b2@tenant1.example');
    await writeMuch();
    // So that it sees of bea only what comes after the restore, under the generation that it knows already.
    operator.daemon.signal('SIGSTOP');
    await plane.stopApi();
    await plane.stopEtcd();
    rmSync(join(plane.folder, 'etcd'), { recursive: true });
    cpSync(backup, join(plane.folder, 'etcd'), { recursive: true });
    plane.startEtcd();
    await plane.startApi();
    expect(await eyes.get('rewriterule', 'ann')).toBeUndefined();
    await eyes.apply(bea('b3'));
    operator.daemon.signal('SIGCONT');
    const isHeld = async () => (await config()).held.addresses.includes('ann@shared.example');
    await untilSo('ann is held', isHeld, 150);
    const isBack = async () => (await rule('john'))?.addresses[0]?.[0] === 'john@tenant1.example';
    await untilSo('john is as in the backup', isBack);
    await untilSo('bea is as she is now', async () => (await rule('bea'))?.addresses[0]?.[0] === 'b3@tenant1.example');
    await eyes.apply(john({ addresses: [{ internal: 'k@tenant1.example', external: 'john@shared.example' }] }));
    await untilSo('a change is stored', async () => (await rule('john'))?.addresses[0]?.[0] === 'k@tenant1.example');
    expect(await isHeld()).toBe(true);
    expect(operator.daemon.ended()).toBe(false);
  });
});
