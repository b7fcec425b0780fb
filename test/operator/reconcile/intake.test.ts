/** What the compiler is told of Secrets and ConfigMaps as references to them come and go. */

import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../operator/kube/api.ts';
import { Intake } from '../../../operator/reconcile/intake.ts';
import { CONFIG_MAP, SECRET } from '../../../operator/reconcile/kinds.ts';
import { ObjectCache } from '../../../operator/reconcile/object-cache.ts';

const table = (name: string, generation: number): KubeObject => ({
  apiVersion: 'isthmus.dev/v1alpha1',
  kind: 'RewriteRule',
  metadata: { namespace: 'mail', name: 'users', uid: 'uid', generation },
  spec: {
    sharedDomainRef: { name: 'shared' },
    tenantRouteRef: { name: 'tenant1' },
    addressesFrom: [{ configMapKeyRef: { name, key: 'a.csv' } }],
  },
});

function intakeOf(untilRead = () => Promise.resolve(), hasSeen = () => true) {
  const get = async (_: unknown, namespace: string, name: string) => {
    await untilRead();
    return { ok: true, value: { kind: 'ConfigMap', metadata: { namespace, name }, data: {} } };
  };
  const metadata = { Secret: new ObjectCache(SECRET), ConfigMap: new ObjectCache(CONFIG_MAP) };
  const intake = new Intake({ api: { get } as never, metadata, hasSeen, onChange: () => undefined });
  const data = async () =>
    (await intake.changes()).flatMap((change) =>
      change.type === 'data' ? [`${change.name} ${typeof change.found === 'string' ? change.found : 'found'}`] : [],
    );
  return { intake, data };
}

describe('the intake', () => {
  it('takes back a table that nothing refers to any more', async () => {
    const { intake, data } = intakeOf();
    intake.take(table('users-1', 1), false);
    expect(await data()).toEqual(['users-1 found']);
    intake.take(table('users-2', 2), false);
    expect(await data()).toEqual(['users-2 found', 'users-1 unknown']);
    intake.take(table('users-2', 2), true);
    expect(await data()).toEqual(['users-2 unknown']);
  });

  it('does not take back what is referred to again', async () => {
    const { intake, data } = intakeOf();
    intake.take(table('users', 1), false);
    await data();
    intake.take(table('users', 1), true);
    intake.take(table('users', 2), false);
    expect(await data()).toEqual(['users found']);
  });

  it('asks anew for a table to which the last reference went while it was being read', async () => {
    const answer = Promise.withResolvers<void>();
    const { intake, data } = intakeOf(() => answer.promise);
    intake.take(table('users', 1), false);
    const reading = data();
    intake.take(table('users', 1), true);
    answer.resolve();
    expect(await reading).toEqual(['users unknown']);
    intake.take(table('users', 2), false);
    expect(await data()).toEqual(['users found']);
  });

  it('takes the same generation for another, and asks anew for tables, after a restore from a backup', async () => {
    const { intake, data } = intakeOf();
    intake.take(table('users', 1), false);
    expect(await data()).toEqual(['users found']);
    intake.take(table('other', 1), false);
    expect(await data()).toEqual([]);
    intake.doubt('RewriteRule', 'elsewhere');
    intake.take(table('other', 1), false);
    expect(await data()).toEqual([]);
    intake.doubt('RewriteRule', 'mail');
    expect(intake.versions().get('RewriteRule mail/users')?.generation).toBe(1);
    intake.take(table('other', 1), false);
    expect(await data()).toEqual(['other found', 'users unknown']);
    intake.doubt('ConfigMap', undefined);
    expect(await data()).toEqual(['other found']);
  });

  it('asks for nothing in a namespace of which not everything has been seen', async () => {
    let hasSeen = false;
    const { intake, data } = intakeOf(undefined, () => hasSeen);
    intake.take(table('users', 1), false);
    expect(await data()).toEqual([]);
    expect(intake.retry()).toBe(false);
    hasSeen = true;
    expect(await data()).toEqual(['users found']);
  });
});
