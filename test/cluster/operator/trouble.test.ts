/** The API server closes, refuses, stalls and restarts: the operator concludes nothing from what it cannot see, and catches up. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Asked, type FaultyProxy, faultyProxy } from '../../operator/kube/faulty-proxy.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { until } from '../daemon.ts';
import { install, type Installation, type OperatorProcess } from './installation.ts';
import { configMap, Eyes, john, rewriteRule, sharedDomain, tenantRoute } from './seen.ts';
import { stored } from './stored.ts';

const isWrite = ({ method, path }: Asked) => method !== 'GET' && !path.includes('/leases/');

describe('an operator whose API server is in trouble', () => {
  let plane: ControlPlane;
  let proxy: FaultyProxy;
  let installation: Installation;
  let operator: OperatorProcess;
  let eyes: Eyes;

  const target = async () =>
    (await stored(eyes, 'default'))?.config.rewriteRules.find(({ name }) => name === 'john')?.addresses[0]?.[0];
  const rename = async (to: string) => {
    await eyes.apply(john({ addresses: [{ internal: `${to}@tenant1.example`, external: 'john@shared.example' }] }));
  };
  const untilStored = (name: string) =>
    until(`${name} is stored`, async () => (await target()) === `${name}@tenant1.example`, {
      seconds: 60,
      detail: eyes.log,
    });

  beforeAll(async () => {
    plane = await startControlPlane();
    proxy = await faultyProxy(plane);
    installation = await install(plane, { namespace: 'mail' });
    eyes = new Eyes(plane, 'mail');
    eyes.log = () => operator?.daemon.log() ?? '';
    await eyes.apply(sharedDomain('shared', { domain: 'shared.example' }), tenantRoute('tenant1'), john());
  });
  afterAll(async () => {
    await installation?.stop();
    await proxy?.stop();
    await plane?.stop();
  });

  it('publishes nothing before it has seen everything', { timeout: 120_000 }, async () => {
    const release = proxy.hold();
    const starting = installation.startOperator('operator', proxy.kubeconfig);
    operator = await starting;
    await until('it asks', () => proxy.asked.length > 0, { detail: eyes.log });
    expect(await eyes.get('configmap', 'default-f1')).toBeUndefined();
    release();
    await untilStored('john');
  });

  it('sees a change after all its watches were closed, cut, and left hanging', { timeout: 240_000 }, async () => {
    for (const watch of proxy.watches()) watch.close();
    await rename('closed');
    await untilStored('closed');
    for (const watch of proxy.watches()) watch.reset();
    await rename('cut');
    await untilStored('cut');
    const gone = { type: 'ERROR', object: { kind: 'Status', apiVersion: 'v1', code: 410, reason: 'Expired' } };
    for (const watch of proxy.watches()) watch.say(`${JSON.stringify(gone)}\n`);
    await rename('expired');
    await untilStored('expired');
    for (const watch of proxy.watches()) watch.say('{"type":"MODIFIED","object":{"kind":"Rewr');
    await rename('half-a-line');
    await untilStored('half-a-line');
    expect(operator.daemon.ended()).toBe(false);
  });

  it('writes in the end what was refused with 429, 500, 503, or cut', { timeout: 120_000 }, async () => {
    proxy.next(
      [
        { status: 429, reason: 'TooManyRequests', retryAfter: '1' },
        { status: 500 },
        'reset',
        { status: 503 },
        'pass',
        'reset',
      ],
      isWrite,
    );
    await rename('refused-first');
    await untilStored('refused-first');
    expect(operator.daemon.ended()).toBe(false);
  });

  it('keeps what runs while a table cannot be read, and says so', { timeout: 120_000 }, async () => {
    const reference = { sharedDomainRef: { name: 'shared' }, tenantRouteRef: { name: 'tenant1' } };
    const csv = (name: string) =>
      `Name,InternalAddress,ExternalAddress\n${name},${name}@tenant1.example,${name}@shared.example\n`;
    await eyes.apply(
      configMap('users', { 'a.csv': csv('ann') }),
      rewriteRule('users', { ...reference, addressesFrom: [{ configMapKeyRef: { name: 'users', key: 'a.csv' } }] }),
    );
    const hasAnn = async () => JSON.stringify((await stored(eyes, 'default'))?.config.rewriteRules).includes('ann@');
    await until('the table is stored', hasAnn, { detail: eyes.log });
    const isTable = ({ method, path }: Asked) => method === 'GET' && path.endsWith('/configmaps/users');
    proxy.next(
      Array.from({ length: 1000 }, () => ({ status: 403, reason: 'Forbidden' })),
      isTable,
    );
    await eyes.apply(configMap('users', { 'a.csv': csv('bob') }));
    const condition = await eyes.untilReason('rewriterule', 'users', 'ResolvedRefs', 'Unknown');
    expect(condition.status).toBe('Unknown');
    expect(await hasAnn()).toBe(true);
    proxy.next([]);
    await eyes.untilReason('rewriterule', 'users', 'ResolvedRefs', 'ResolvedRefs');
    await until('the new table is stored', async () =>
      JSON.stringify((await stored(eyes, 'default'))?.config.rewriteRules).includes('bob@'),
    );
  });

  it('goes on when the API server was away for some seconds', { timeout: 240_000 }, async () => {
    await plane.stopApi();
    await plane.startApi();
    await rename('after-a-restart');
    await until(
      'the change is stored',
      async () => {
        // Away for longer than its lease allows, it ends, and is started again as a kubelet would.
        if (operator.daemon.ended()) operator = await installation.startOperator('again', proxy.kubeconfig);
        return (await target()) === 'after-a-restart@tenant1.example';
      },
      { seconds: 90, detail: eyes.log },
    );
    expect(await target()).toBe('after-a-restart@tenant1.example');
  });
});
