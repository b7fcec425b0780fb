/** What is deleted or broken by accident is held, through restarts of the operator too, until it is back. */

import { generateKeyPairSync } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { until } from '../daemon.ts';
import { install, type Installation, type OperatorProcess } from './installation.ts';
import { Eyes, john, secret, sharedDomain, tenantRoute } from './seen.ts';
import { stored, storedConfig } from './stored.ts';

/** So that the next one leads at once. */
const settings = { leaderElection: { leaseDurationSeconds: 5, renewDeadlineSeconds: 4, retryPeriodSeconds: 0.5 } };

describe('what disappears', () => {
  let plane: ControlPlane;
  let installation: Installation;
  let operator: OperatorProcess;
  let eyes: Eyes;

  const config = () => storedConfig(eyes, 'default');
  const untilSo = (what: string, isSo: () => Promise<boolean>) =>
    until(what, async () => (await stored(eyes, 'default')) !== undefined && (await isSo()), { detail: eyes.log });
  const restart = async () => {
    await operator.daemon.kill('SIGKILL');
    operator = await installation.startOperator();
    await until('it has compiled', async () => (await operator.metric('isthmus_operator_compile_seconds_count')) > 0);
  };

  beforeAll(async () => {
    plane = await startControlPlane();
    installation = await install(plane, { namespace: 'mail', settings });
    operator = await installation.startOperator();
    eyes = new Eyes(plane, 'mail');
    eyes.log = () => operator.daemon.log();
    await eyes.apply(sharedDomain('shared', { domain: 'shared.example' }), tenantRoute('tenant1'), john());
    await untilSo('john is stored', async () => (await config()).rewriteRules.length === 1);
  });
  afterAll(async () => {
    await installation?.stop();
    await plane?.stop();
  });

  it('a rule: its addresses are held, also by the next operator, and free again when it is back', async () => {
    await eyes.remove('rewriterule', 'john');
    const isHeld = async () => (await config()).held.addresses.includes('john@shared.example');
    await untilSo('john is held', isHeld);
    await restart();
    await eyes.apply(tenantRoute('tenant1', { fromInternet: 'Accept' }));
    await untilSo('a later change is stored', async () => (await config()).tenantRoutes[0]?.fromInternet === 'Accept');
    expect(await isHeld()).toBe(true);
    await eyes.apply(john());
    await untilSo('john is back', async () => !(await isHeld()));
    expect((await config()).rewriteRules.map(({ name }) => name)).toEqual(['john']);
  });

  it('a route: its domain and its senders are held', async () => {
    await eyes.remove('tenantroute', 'tenant1');
    await untilSo('the route is held', async () => (await config()).held.domains.includes('tenant1.example'));
    const { held } = await config();
    expect(held.sources.flatMap(({ cidrs }) => cidrs)).toContain('192.0.2.0/24');
    expect((await eyes.untilReason('rewriterule', 'john', 'ResolvedRefs', 'NotFound')).message).toContain('tenant1');
    await eyes.apply(tenantRoute('tenant1'));
    await untilSo('it is back', async () => (await config()).held.domains.length === 0);
  });

  it('the Secret of a key that signs: the domain is held, since unsigned mail is no fallback', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    await eyes.apply(
      secret('dkim', { 'private.key': key }),
      sharedDomain('shared', { domain: 'shared.example', dkim: [{ selector: 's1', secretRef: { name: 'dkim' } }] }),
    );
    await untilSo('the key signs', async () => (await config()).sharedDomains[0]?.dkim.length === 1);
    await eyes.remove('secret', 'dkim');
    await untilSo('the domain is held', async () => (await config()).held.domains.includes('shared.example'));
    await restart();
    expect((await config()).held.domains).toContain('shared.example');
    await eyes.apply(secret('dkim', { 'private.key': key }));
    await untilSo('it signs again', async () => (await config()).sharedDomains[0]?.dkim.length === 1);
  });

  it('what a slot holds, written over by hand: it is put back', async () => {
    const [slot] = (await eyes.list('configmaps', '-l', 'isthmus.dev/purpose=config')).filter(
      ({ binaryData }) => Object.keys(binaryData ?? {}).length > 0,
    );
    if (slot === undefined) throw new Error('no slot holds anything');
    const { name } = slot.metadata;
    const written = slot.binaryData ?? {};
    const binaryData = Object.fromEntries(Object.keys(written).map((key) => [key, btoa('something else')]));
    const patch = JSON.stringify({ binaryData });
    await plane.kubectlOrThrow(['patch', 'configmap', name, '--namespace', 'mail', '--type=merge', '--patch', patch]);
    const now = async () => (await eyes.get('configmap', name))?.binaryData;
    await until('it is mended', async () => !isDeepStrictEqual(await now(), binaryData), { detail: eyes.log });
    expect(await now()).toEqual(written);
  });

  it('a slot, while no operator is there: the next one says what was lost, and publishes again', async () => {
    await operator.daemon.kill('SIGKILL');
    const slots = await eyes.list('configmaps', '-l', 'isthmus.dev/purpose=config');
    for (const { metadata } of slots) await eyes.remove('configmap', metadata.name);
    operator = await installation.startOperator();
    await until(
      'everything is stored again',
      () =>
        stored(eyes, 'default').then(
          (found) => found?.config.rewriteRules.length === 1,
          () => false,
        ),
      { detail: eyes.log },
    );
    await until('an event says so', async () =>
      JSON.stringify(await eyes.list('events')).includes('ConfigurationLost'),
    );
    expect((await config()).sharedDomains.map(({ domain }) => domain)).toEqual(['shared.example']);
  });
});
