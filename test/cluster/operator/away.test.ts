/** What an operator works with is taken away under it and comes back; and then it is taken away itself. */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../support/child-process.ts';
import { ROOT } from '../../support/test-files.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { until } from '../daemon.ts';
import { install, type Installation, type OperatorProcess } from './installation.ts';
import { Eyes, john, relayFleet, sharedDomain, tenantRoute } from './seen.ts';
import { stored } from './stored.ts';

describe('an operator under which something is taken away', () => {
  let plane: ControlPlane;
  let installation: Installation;
  let operator: OperatorProcess;
  let mail: Eyes;
  let other: Eyes;

  const log = () => operator.daemon.log();
  const applyAll = (eyes: Eyes) =>
    eyes.apply(sharedDomain('shared', { domain: `${eyes.namespace}.example` }), tenantRoute('tenant1'), {
      ...john({
        addresses: [{ internal: 'john@tenant1.example', external: `john@${eyes.namespace}.example` }],
      }),
    });
  const untilStored = (eyes: Eyes) =>
    until(
      `john is stored in ${eyes.namespace}`,
      () =>
        stored(eyes, 'default').then(
          (found) => found?.config.rewriteRules.some(({ name }) => name === 'john') === true,
          () => false,
        ),
      { seconds: 90, detail: () => log().slice(-6000) },
    );

  beforeAll(async () => {
    plane = await startControlPlane();
    await plane.kubectlOrThrow(['create', 'namespace', 'other']);
    const values = { watchNamespaces: ['mail', 'other'] };
    installation = await install(plane, { namespace: 'mail', values });
    operator = await installation.startOperator();
    [mail, other] = [new Eyes(plane, 'mail'), new Eyes(plane, 'other')];
    await applyAll(mail);
    await untilStored(mail);
    await other.apply(relayFleet('default', { replicas: 1 }));
    await applyAll(other);
    await untilStored(other);
  }, 180_000);
  afterAll(async () => {
    await installation?.stop();
    await plane?.stop();
  });

  it('a namespace: it serves the other, and this one again when it is back', { timeout: 240_000 }, async () => {
    const rights = await plane.kubectlOrThrow(['get', 'role,rolebinding', '-n', 'other', '-o', 'yaml']);
    await plane.kubectlOrThrow(['delete', 'namespace', 'other', '--wait=true']);
    const change = (fromInternet: string) => mail.apply(tenantRoute('tenant1', { fromInternet }));
    const isChanged = async () => (await stored(mail, 'default'))?.config.tenantRoutes[0]?.fromInternet === 'Accept';
    await change('Accept');
    await until('a change in the other is stored', isChanged, { seconds: 60, detail: log });
    await plane.kubectlOrThrow(['create', 'namespace', 'other']);
    await plane.kubectlOrThrow(['apply', '-f', '-'], { input: rights });
    await other.apply(relayFleet('default', { replicas: 1 }));
    await applyAll(other);
    await untilStored(other);
    expect(operator.daemon.ended()).toBe(false);
    expect(operator.logs().filter(({ level }) => Number(level) > 40)).toEqual([]);
  });

  it('its kinds: it says what to do, and begins anew when they are back', { timeout: 300_000 }, async () => {
    const crds = join(ROOT, 'crds/generated');
    await plane.kubectlOrThrow(['delete', '-f', crds, '--wait=true']);
    await until('it says so', () => log().includes('install the CRDs of the chart'), { seconds: 60, detail: log });
    await plane.kubectlOrThrow(['apply', '--server-side', '-f', crds]);
    await plane.kubectlOrThrow(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    const isServed = async () => (await plane.kubectl(['get', 'isthmus', '-A'])).code === 0;
    await until('the kinds are served', isServed);
    await applyAll(mail);
    // The chart asks for a default fleet in its own namespace; nobody has taken that back.
    await until('the default fleet is there', async () => (await mail.get('relayfleet', 'default')) !== undefined, {
      seconds: 90,
      detail: () => log().slice(-6000),
    });
    await untilStored(mail);
    expect(operator.daemon.ended()).toBe(false);
    expect(operator.logs().filter(({ level }) => Number(level) > 40)).toEqual([]);
  });

  it('itself: status says that what it shows may be old, to whoever may view', { timeout: 240_000 }, async () => {
    await plane.kubectlOrThrow(['create', 'serviceaccount', 'viewer', '-n', 'mail']);
    const bind = ['create', 'rolebinding', 'viewer', '-n', 'mail', '--clusterrole=isthmus-view'];
    await plane.kubectlOrThrow([...bind, '--serviceaccount=mail:viewer']);
    const kubeconfig = await plane.tokenFor('mail', 'viewer');
    const status = () =>
      run(process.execPath, [join(ROOT, 'cli/main.ts'), 'status', '-n', 'mail', '--kubeconfig', kubeconfig]);
    expect((await status()).stdout).not.toContain('No operator runs');
    await operator.daemon.kill('SIGTERM');
    const spec = { renewTime: '2020-01-01T00:00:00.000000Z' };
    const patch = ['patch', 'lease', 'isthmus-operator', '-n', 'mail', '--type=merge', '-p', JSON.stringify({ spec })];
    await plane.kubectlOrThrow(patch);
    const { stdout, code } = await status();
    expect(stdout).toMatch(/No operator runs.*: nobody has renewed Lease mail\/isthmus-operator for \d+d/);
    expect(stdout).toContain('kubectl get pods -n mail');
    expect(code).toBe(1);
  });

  it('its compiling thread: it ends, and the next begins anew', { timeout: 180_000 }, async () => {
    // In every thread but the first: some time after it has begun it is no more.
    const fault = "import{isMainThread}from'node:worker_threads';if(!isMainThread)setTimeout(()=>process.exit(3),5000)";
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${fault}` };
    operator = await installation.startOperator('with-a-fault', undefined, env);
    await until('it ends', () => operator.daemon.ended(), { seconds: 60, detail: log });
    expect(log()).toContain('the compiling thread has ended with code 3');
    operator = await installation.startOperator('the-next');
    await mail.apply(tenantRoute('tenant1', { domains: ['next.example'] }));
    const isStored = async () => (await stored(mail, 'default'))?.config.tenantRoutes[0]?.domains[0] === 'next.example';
    await until('a change is stored', isStored, { seconds: 60, detail: log });
  });
});
