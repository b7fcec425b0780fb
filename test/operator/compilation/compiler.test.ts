/** The compiling thread: what goes in comes out compiled, and what did not change is the same object as before. */

import { afterEach, describe, expect, it } from 'vitest';
import { relayFleetSpec } from '../../../crds/v1alpha1/relay-fleet.ts';
import { sharedDomainSpec } from '../../../crds/v1alpha1/shared-domain.ts';
import type { Change, CompiledFleet, Compiler, NotKnown } from '../../../operator/compilation/compiler.ts';
import { startCompiler } from '../../../operator/compilation/start.ts';
import {
  FLEET,
  DOMAIN,
  route,
  rule,
  pairs,
  table,
  WORLD,
  fleetOf,
  stored,
  configOf,
  expectInSecrets,
  conditionOf,
  KEY,
  resource,
} from './small-world.ts';

const started: Compiler[] = [];
const fleetRef = { name: 'two' };

async function start(): Promise<Compiler> {
  const compiler = await startCompiler({ credentialKey: KEY, domains: [] });
  started.push(compiler);
  return compiler;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((compiler) => compiler.close()));
});

const OTHERS_GONE: Change = { type: 'gone', kind: 'RewriteRule', namespace: 'mail', name: 'others' };

/** What is in force is a world that has lost one rule. */
async function withoutOthers() {
  const compiler = await start();
  compiler.update(WORLD);
  compiler.inForce('mail', 'default', fleetOf(await compiler.compile(0)).revision);
  compiler.update([OTHERS_GONE]);
  const without = fleetOf(await compiler.compile(1));
  compiler.inForce('mail', 'default', without.revision);
  return { compiler, without };
}

describe('the compiler', () => {
  it('gives every fleet with its pieces, parts, ports and times, and every resource with its status', async () => {
    const compiler = await start();
    compiler.update(WORLD);
    const compilation = await compiler.compile(0);
    const fleet = fleetOf(compilation);
    expect(fleet).toMatchObject({
      namespace: 'mail',
      name: 'default',
      paused: false,
      unknown: [],
      tooLarge: undefined,
      hostname: 'relay.example',
      ports: { nextHops: [25, 2525] },
      lameDuckSeconds: 35,
      drainSeconds: 60,
    });
    expect([...fleet.parts.keys()].sort()).toEqual([
      'RelayFleet/default',
      'RewriteRule/others',
      'RewriteRule/people',
      'SharedDomain/shared',
      'TenantRoute/tenant',
    ]);
    expect(configOf(fleet).rewriteRules.map(({ name, addresses }) => [name, addresses.length])).toEqual([
      ['others', 1],
      ['people', 2],
    ]);
    expect(compilation.statuses.map(({ kind, name }) => `${kind}/${name}`)).toEqual([
      'RelayFleet/default',
      'SharedDomain/shared',
      'TenantRoute/tenant',
      'RewriteRule/others',
      'RewriteRule/people',
    ]);
  });

  it('keeps the very same octets and parts while nothing changes', async () => {
    const compiler = await start();
    compiler.update(WORLD);
    const first = fleetOf(await compiler.compile(0));
    const again = fleetOf(await compiler.compile(1));
    expect(again).toEqual(first);
    expect(again.parts).toBe(first.parts);
    for (const [at, piece] of again.pieces.entries()) expect(piece.bytes).toBe(first.pieces[at]?.bytes);
  });

  it('takes the last change of an object', async () => {
    const compiler = await start();
    compiler.update([...WORLD, rule('people', pairs('dan'))]);
    const before = fleetOf(await compiler.compile(0));
    expect(
      configOf(before)
        .rewriteRules.at(-1)
        ?.addresses.map(([internal]) => internal),
    ).toEqual(['dan@tenant.example']);
    compiler.update([{ type: 'gone', kind: 'RewriteRule', namespace: 'mail', name: 'people' }]);
    const after = await compiler.compile(0);
    expect([...fleetOf(after).parts.keys()]).not.toContain('RewriteRule/people');
    expect(after.statuses.map(({ name }) => name)).not.toContain('people');
    compiler.update([
      {
        type: 'invalid',
        invalid: { kind: 'RewriteRule', namespace: 'mail', name: 'people', spec: 1, problems: ['no'] },
      },
    ]);
    const invalid = await compiler.compile(0);
    expect(conditionOf(invalid, 'people', 'Accepted')).toMatchObject({ status: 'False', message: 'no.' });
    expect(invalid.findings.map(({ name, message }) => `${name}: ${message}`)).toContain('people: no');
  });

  it('does not take what it has not been told of for missing', async () => {
    const compiler = await start();
    const keyRef = { configMapKeyRef: { name: 'users', key: 'users.csv' } };
    compiler.update([FLEET, DOMAIN, route(), rule('people', { addressesFrom: [keyRef] })]);
    const untold = await compiler.compile(0);
    expect(conditionOf(untold, 'people', 'ResolvedRefs')).toMatchObject({ status: 'Unknown' });
    expect(fleetOf(untold).unknown).toHaveLength(1);
    compiler.update([table('ConfigMap', 'users', 'ann')]);
    expect(fleetOf(await compiler.compile(0)).unknown).toEqual([]);
    compiler.update([{ type: 'data', kind: 'ConfigMap', namespace: 'mail', name: 'users', found: 'missing' }]);
    expect(conditionOf(await compiler.compile(0), 'people', 'ResolvedRefs')).toMatchObject({ reason: 'NotFound' });
  });

  it('lets what is proven, and nothing else, say who holds an address', async () => {
    const compiler = await start();
    compiler.update([FLEET, DOMAIN, route(), rule('people', pairs('ann'))]);
    const first = fleetOf(await compiler.compile(0));
    // By name and age "able" comes first: only the record speaks for "people".
    compiler.update([
      rule('able', {
        ...pairs('ann'),
        addresses: [{ internal: 'bob@tenant.example', external: 'ann@shared.example' }],
      }),
    ]);
    expect(conditionOf(await compiler.compile(0), 'people', 'Accepted')).toMatchObject({ reason: 'Conflicted' });
    compiler.inForce('mail', 'default', 'never compiled');
    expect(conditionOf(await compiler.compile(0), 'people', 'Accepted')).toMatchObject({ reason: 'Conflicted' });
    compiler.inForce('mail', 'default', first.revision);
    expect(conditionOf(await compiler.compile(0), 'able', 'Accepted')).toMatchObject({ reason: 'Conflicted' });
  });

  it('goes on from what another one has stored', async () => {
    const before = await start();
    before.update([FLEET, DOMAIN, route(), rule('people', pairs('ann')), rule('gone', pairs('cid'))]);
    const first = fleetOf(await before.compile(0));
    const after = await start();
    const restored = await after.restore(stored(first));
    expect(restored).toEqual({ ok: true, parts: first.parts, ports: first.ports });
    after.update([FLEET, DOMAIN, route(), rule('people', pairs('ann'))]);
    const fleet = fleetOf(await after.compile(0));
    expect(configOf(fleet).held.addresses).toEqual(['cid@shared.example', 'cid@tenant.example']);
    const third = await start();
    await third.restore(stored(fleet));
    third.update([FLEET, DOMAIN, route(), rule('people', pairs('ann'))]);
    expect(fleetOf(await third.compile(0))).toEqual(fleet);
  });

  it('comes to the same octets again while something is left out, however often it looks', async () => {
    const compiler = await start();
    compiler.update(WORLD);
    const first = fleetOf(await compiler.compile(0));
    compiler.inForce('mail', 'default', first.revision);
    // Its authority is missing: the rules of its addresses are left out.
    compiler.update([
      route({ nextHop: { hosts: [{ host: 'x.example' }], clientCertificateSecretRef: { name: 'absent' } } }),
    ]);
    compiler.update([{ type: 'data', kind: 'Secret', namespace: 'mail', name: 'absent', found: 'missing' }]);
    const second = fleetOf(await compiler.compile(1000));
    expect(second.memory).not.toEqual([]);
    expect(configOf(second).held.addresses).toContain('ann@shared.example');
    const third = fleetOf(await compiler.compile(61_000));
    expect(third).toEqual(second);
    compiler.inForce('mail', 'default', second.revision);
    expect(fleetOf(await compiler.compile(120_000))).toEqual(second);
    const later = fleetOf(await compiler.compile(2 * 3_600_000));
    expect(later.pieces).toEqual(second.pieces);
    expect(later.memory).not.toEqual(second.memory);
  });

  it('holds what a candidate brought back that was withdrawn', async () => {
    const { compiler, without } = await withoutOthers();
    compiler.update([rule('others', pairs('cid'))]);
    expect(configOf(fleetOf(await compiler.compile(2))).held.addresses).toEqual([]);
    compiler.update([OTHERS_GONE]);
    const again = fleetOf(await compiler.compile(3));
    expect(again.revision).toBe(without.revision);
    expect(configOf(again).held.addresses).toEqual(['cid@shared.example', 'cid@tenant.example']);
  });

  it('holds it through a restart as well, and what is in force longest of all', async () => {
    const { compiler, without } = await withoutOthers();
    const back = rule('others', pairs('cid', 'dan'));
    compiler.update([back]);
    const candidate = fleetOf(await compiler.compile(2));
    // The manifest has one memory for both of its revisions: the last that was published with one of them.
    const heldAfter = async (inForce: CompiledFleet) => {
      const next = await start();
      expect(await next.restore({ ...stored(inForce), memory: stored(candidate).memory })).toMatchObject({ ok: true });
      next.update([...WORLD.slice(0, -1), back]);
      expect(configOf(fleetOf(await next.compile(3))).held.addresses).toEqual([]);
      next.update([OTHERS_GONE]);
      return configOf(fleetOf(await next.compile(4))).held.addresses;
    };
    const cid = ['cid@shared.example', 'cid@tenant.example'];
    expect(await heldAfter(without)).toEqual(cid);
    expect(await heldAfter(candidate)).toEqual([...cid, 'dan@shared.example', 'dan@tenant.example']);
  });

  it('says nothing of what is not known, and compiles everything else', async () => {
    const compiler = await start();
    const other = resource('SharedDomain', 'other', sharedDomainSpec.parse({ domain: 'other.example', fleetRef }));
    compiler.update([...WORLD, resource('RelayFleet', 'two', relayFleetSpec.parse({})), other]);
    const names = async (notKnown: NotKnown) => (await compiler.compile(0, notKnown)).fleets.map(({ name }) => name);
    const two = [{ namespace: 'mail', name: 'two' }];
    expect(await names({ namespaces: [], fleets: [] })).toEqual(['default', 'two']);
    expect(await names({ namespaces: [], fleets: two })).toEqual(['default']);
    // Whose domain it is, the record of the other fleet may say.
    compiler.update([resource('SharedDomain', 'same', sharedDomainSpec.parse({ domain: 'shared.example', fleetRef }))]);
    expect(await names({ namespaces: [], fleets: two })).toEqual([]);
    const unseen = await compiler.compile(0, { namespaces: ['mail'], fleets: [] });
    expect(unseen).toEqual({ fleets: [], statuses: [], findings: [] });
    expect(await names({ namespaces: ['elsewhere'], fleets: [] })).toEqual(['default', 'two']);
  });

  it('says why what is stored cannot be read', async () => {
    const compiler = await start();
    const broken = { namespace: 'mail', name: 'default', revision: 'r', pieces: [Buffer.from('x')], memory: [] };
    expect(await compiler.restore(broken)).toEqual({ ok: false, reason: 'a piece is no gzip' });
  });

  it('keeps rows of a Secret out of what ConfigMaps hold, also after their rule is gone', async () => {
    const compiler = await start();
    const keyRef = { secretKeyRef: { name: 'users', key: 'users.csv' } };
    compiler.update([
      FLEET,
      DOMAIN,
      route(),
      table('Secret', 'users', 'ann'),
      rule('people', { addressesFrom: [keyRef] }),
    ]);
    const first = fleetOf(await compiler.compile(0));
    compiler.inForce('mail', 'default', first.revision);
    compiler.update([{ type: 'gone', kind: 'RewriteRule', namespace: 'mail', name: 'people' }]);
    const second = fleetOf(await compiler.compile(0));
    expectInSecrets([first, second], 'ann@shared.example');
  });

  it('keeps rows of a Secret out of what ConfigMaps hold when their rule was never in force', async () => {
    const compiler = await start();
    const keyRef = { secretKeyRef: { name: 'users', key: 'users.csv' } };
    const people = rule('people', { addressesFrom: [keyRef] });
    const broken = route({ nextHop: { mxOf: 'shared.example' } });
    compiler.update([FLEET, DOMAIN, broken, table('Secret', 'users', 'ann'), people]);
    expectInSecrets([fleetOf(await compiler.compile(0))], 'ann@shared.example');
  });

  it('signs with the keys it is told of a fleet that names no Secret', async () => {
    const compiler = await start();
    compiler.update(WORLD);
    expect(configOf(fleetOf(await compiler.compile(0))).fleet.traceKeys).toBeUndefined();
    compiler.update([{ type: 'signingKeys', namespace: 'mail', fleet: 'default', keys: ['new', 'old'] }]);
    expect(configOf(fleetOf(await compiler.compile(0))).fleet.traceKeys).toHaveLength(2);
  });
});
