/** Rows of a rule that cannot be read as a whole are held through whatever happens to the rule, and to the operator. */

import { describe, expect, it } from 'vitest';
import type { Change } from '../../../operator/compilation/compiler.ts';
import { Workshop } from '../../../operator/compilation/workshop.ts';
import { configOf, fleetOf, fleetWith, KEY, rule, stored, table, WORLD } from './small-world.ts';

const missing = (name: string): Change => ({
  type: 'data',
  kind: 'ConfigMap',
  namespace: 'mail',
  name,
  found: 'missing',
});
const twoTables = rule('tables', {
  addressesFrom: ['one', 'two'].map((name) => ({ configMapKeyRef: { name, key: 'users.csv' } })),
});
const HALF_LOST: Change[] = [...WORLD, twoTables, table('ConfigMap', 'one', 'eve'), missing('two')];

function lookAt(workshop: Workshop, now: number) {
  const fleet = fleetOf(workshop.compile(now));
  workshop.inForce('mail', 'default', fleet.revision);
  return fleet;
}

/** In force with one table, the other of which has been lost. */
function halfLost() {
  const workshop = new Workshop({ credentialKey: KEY, domains: [] });
  workshop.update([...WORLD, twoTables, table('ConfigMap', 'one', 'eve'), table('ConfigMap', 'two', 'fay')]);
  lookAt(workshop, 0);
  workshop.update([missing('two')]);
  const fleet = lookAt(workshop, 1000);
  expect(configOf(fleet).held.addresses).toEqual(['fay@shared.example', 'fay@tenant.example']);
  return { workshop, fleet };
}

describe('rows of a rule of which a table is lost', () => {
  it('are held with those in force when the rule disappears', () => {
    const { workshop } = halfLost();
    workshop.update([{ type: 'gone', kind: 'RewriteRule', namespace: 'mail', name: 'tables' }]);
    const { held } = configOf(lookAt(workshop, 2000));
    expect(held.addresses).toEqual([
      'eve@shared.example',
      'eve@tenant.example',
      'fay@shared.example',
      'fay@tenant.example',
    ]);
  });

  it('are held after the operator has started anew', () => {
    const { fleet } = halfLost();
    const next = new Workshop({ credentialKey: KEY, domains: [] });
    expect(next.restore(stored(fleet)).ok).toBe(true);
    next.update(HALF_LOST);
    expect(configOf(lookAt(next, 2000)).held.addresses).toEqual(['fay@shared.example', 'fay@tenant.example']);
  });
});

describe('what was removed', () => {
  it('leaves what is stored when its time is over', () => {
    const workshop = new Workshop({ credentialKey: KEY, domains: [] });
    workshop.update(WORLD);
    lookAt(workshop, 0);
    workshop.update([{ type: 'gone', kind: 'RewriteRule', namespace: 'mail', name: 'others' }]);
    expect(lookAt(workshop, 1000).memory).toHaveLength(2);
    expect(lookAt(workshop, 86_401_000).memory).toEqual([]);
  });

  it('is free at once when the fleet holds nothing any more', () => {
    const workshop = new Workshop({ credentialKey: KEY, domains: [] });
    workshop.update(WORLD);
    lookAt(workshop, 0);
    workshop.update([{ type: 'gone', kind: 'RewriteRule', namespace: 'mail', name: 'others' }]);
    expect(configOf(lookAt(workshop, 1000)).held.addresses).toEqual(['cid@shared.example', 'cid@tenant.example']);
    workshop.update([fleetWith({ removedDomainHoldSeconds: 0 })]);
    const fleet = lookAt(workshop, 2000);
    expect(configOf(fleet).held.addresses).toEqual([]);
    expect(fleet.memory).toEqual([]);
  });
});
