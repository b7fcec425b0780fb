/** Two operators and one lease: one works, the other takes over, and who was stalled writes nothing that is out of date. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { until } from '../daemon.ts';
import { Audit } from './audit.ts';
import { install, type Installation, type OperatorProcess } from './installation.ts';
import { Eyes, john, sharedDomain, tenantRoute } from './seen.ts';
import { stored } from './stored.ts';

const leads = async (operator: OperatorProcess) => (await operator.metric('leader_election_master_status')) === 1;

describe('two operators', () => {
  const audit = new Audit();
  let plane: ControlPlane;
  let installation: Installation;
  let eyes: Eyes;
  let leader: OperatorProcess;
  let other: OperatorProcess;

  const target = async () => (await stored(eyes, 'default'))?.config.rewriteRules[0]?.addresses[0]?.[0];
  const rename = (to: string) =>
    eyes.apply(john({ addresses: [{ internal: `${to}@tenant1.example`, external: 'john@shared.example' }] }));
  /** Seconds from now until the other leads. */
  const takeover = async (): Promise<number> => {
    const since = performance.now();
    await until('the other leads', () => leads(other), { seconds: 30, every: 20, detail: () => other.daemon.log() });
    return (performance.now() - since) / 1000;
  };

  beforeAll(async () => {
    plane = await startControlPlane({ apiServer: audit.flags() });
    installation = await install(plane, { namespace: 'mail' });
    eyes = new Eyes(plane, 'mail');
    leader = await installation.startOperator('one');
    await until('the first leads', () => leads(leader));
    other = await installation.startOperator('two');
    await eyes.apply(sharedDomain('shared', { domain: 'shared.example' }), tenantRoute('tenant1'), john());
    await until('the rule is stored', async () => (await target()) === 'john@tenant1.example');
  });
  afterAll(async () => {
    await installation?.stop();
    await plane?.stop();
    audit.remove();
  });

  it('wait for each other: one leads, both are ready', async () => {
    expect(await leads(other)).toBe(false);
    expect((await fetch(`${other.health}/readyz`)).status).toBe(200);
    expect((await fetch(`${leader.health}/readyz`)).status).toBe(200);
  });

  it('hand over at once when the leader ends by itself', { timeout: 60_000 }, async () => {
    const released = leader.daemon.kill('SIGTERM');
    const seconds = await takeover();
    await released;
    process.stdout.write(`takeover after a clean end: ${seconds.toFixed(1)} s\n`);
    const lease = await eyes.get('lease', 'isthmus-operator');
    expect(String(lease?.spec?.['holderIdentity'])).toMatch(/^two_/);
    leader = other;
    other = await installation.startOperator('three');
    await rename('handed-over');
    await until('the change is stored', async () => (await target()) === 'handed-over@tenant1.example');
  });

  it('take over when the leader is killed, after its lease has ended', { timeout: 60_000 }, async () => {
    await leader.daemon.kill('SIGKILL');
    const seconds = await takeover();
    process.stdout.write(`takeover after kill -9: ${seconds.toFixed(1)} s\n`);
    expect(String((await eyes.get('lease', 'isthmus-operator'))?.spec?.['holderIdentity'])).toMatch(/^three_/);
    leader = other;
    other = await installation.startOperator('four');
    await rename('taken-over');
    await until('the change is stored', async () => (await target()) === 'taken-over@tenant1.example');
  });

  it('never let a stalled leader write what is out of date', { timeout: 120_000 }, async () => {
    // It sees the change, and is stopped before it has written.
    leader.daemon.signal('SIGSTOP');
    await rename('while-one-slept');
    await takeover();
    await until('the new leader has stored it', async () => (await target()) === 'while-one-slept@tenant1.example');
    await rename('after-that');
    await until('and the next', async () => (await target()) === 'after-that@tenant1.example');
    const before = audit.writes().filter(({ resource }) => resource === 'configmaps');
    leader.daemon.signal('SIGCONT');
    await until('who slept has ended', () => leader.daemon.ended(), { seconds: 30 });
    expect(leader.daemon.log()).toContain('leads no longer');
    expect(await target()).toBe('after-that@tenant1.example');
    const later = audit.writes().filter(({ resource, verb }) => resource === 'configmaps' && verb !== 'patch');
    expect(later.length).toBe(before.filter(({ verb }) => verb !== 'patch').length);
  });
});
