/** HAProxy before a fleet's Service: relays learn from it whose connection they have, and switching that on cuts nobody off. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Running, runOrThrow, start } from '../../support/child-process.ts';
import { ensurePackages } from '../../support/debian.ts';
import { haproxySettings } from '../../support/haproxy.ts';
import { RawSmtp } from '../../support/raw-smtp.ts';
import { until } from '../daemon.ts';
import { RELAY_IMAGE, TAG, testedImages } from '../fleet/images.ts';
import { operatorPods, relayPods } from '../fleet/pods.ts';
import { Eyes, relayFleet } from '../operator/seen.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type Installed, install } from './installed.ts';
import { BRIDGE } from './network.ts';

/** Beside the nodes and no node: pods see it as it is. */
const BALANCER = '10.98.255.150';
const SMTP_PORT = 25;
const NO_IMAGE = 'localhost/nobody/nothing:1';

const FROM_ANNA = `From: Anna <anna@world.example>
To: mary.jones@shared.example
Subject: Begun before the change

Hello Mary.
`.replaceAll('\n', '\r\n');

const folder = mkdtempSync(join(tmpdir(), 'isthmus-balancer-'));
let cluster: Cluster;
let installed: Installed;
let eyes: Eyes;
let haproxy: Running | undefined;

beforeAll(async () => {
  cluster = await startCluster({ images: await testedImages() });
  const image = { pullPolicy: 'IfNotPresent', tag: TAG };
  installed = await install(cluster, { values: { image } });
  eyes = new Eyes(cluster.controlPlane, installed.namespace);
  await installed.programmed();
  await rolledOut('default');
  await patch('tenantroute', 'tenant1', { sources: [{ cidrs: [`${cluster.client.address}/32`] }] });
  haproxy = await startBalancer();
}, 300_000);

afterAll(async () => {
  await haproxy?.stop();
  await cluster?.stop();
  await installed?.stop();
  rmSync(folder, { recursive: true });
});

async function startBalancer(): Promise<Running> {
  ensurePackages(['haproxy']);
  await runOrThrow('ip', ['address', 'replace', `${BALANCER}/24`, 'dev', BRIDGE]);
  const file = join(folder, 'haproxy.cfg');
  const servers = [`${installed.address}:${SMTP_PORT}`];
  writeFileSync(file, haproxySettings({ servers, source: BALANCER }, `${BALANCER}:${SMTP_PORT}`));
  // Without -db it would leave us.
  const running = start('haproxy', ['-db', '-f', file]);
  await running.waitForPort(BALANCER, SMTP_PORT);
  return running;
}

async function rolledOut(fleet: string): Promise<void> {
  const rollout = ['rollout', 'status', `deployment/${fleet}-relay`, '--namespace', installed.namespace];
  await cluster.controlPlane.kubectlOrThrow([...rollout, '--timeout=120s']);
}

async function patch(kind: string, name: string, spec: object): Promise<void> {
  const args = ['patch', kind, name, '--namespace', installed.namespace, '--type=merge'];
  await cluster.controlPlane.kubectlOrThrow([...args, '--patch', JSON.stringify({ spec })]);
}

/** Resolves when every relay does so. */
async function believe(mode: 'Optional' | 'Required'): Promise<void> {
  await patch('relayfleet', 'default', { proxyProtocol: { mode, trustedCIDRs: [`${BALANCER}/32`] } });
  await installed.programmed();
}

const messageId = (name: string): string => `<${name}@tenant1.example>`;

/** What swaks, outside of the cluster, heard when John wrote to Anna. */
async function johnWrites(server: string, name: string) {
  const mail = ['--from', 'john.smith@tenant1.example', '--to', 'anna@world.example'];
  const args = ['--server', server, '--tls', ...mail, '--header', `Message-Id: ${messageId(name)}`];
  const { code, stdout, stderr } = await cluster.client.run('swaks', args);
  return { code, said: stdout + stderr };
}

/** The senders that the world saw of it, one for each time that it arrived. */
const sendersSeen = (name: string): string[] => {
  const arrivals = installed.stage.systems.world?.arrivals ?? [];
  return arrivals.filter(({ message }) => message.includes(messageId(name))).map(({ reversePath }) => reversePath);
};

interface Step {
  readonly event?: string;
  readonly messageId?: string;
  readonly clientTenant?: string;
  readonly clientAddress?: string;
}

/** Who sent it, by the tracking of the relay that took it. */
async function clientOf(name: string): Promise<Pick<Step, 'clientTenant' | 'clientAddress'>> {
  const logs = ['logs', '--namespace', installed.namespace, '--selector', 'isthmus.dev/fleet=default', '--tail=-1'];
  let step: Step | undefined;
  await until(`a relay tracks ${name}`, async () => {
    const lines = (await cluster.controlPlane.kubectlOrThrow(logs)).split('\n').filter((line) => line.startsWith('{'));
    const steps = lines.map((line) => JSON.parse(line) as Step);
    step = steps.find((each) => each.event === 'RECEIVE' && each.messageId === messageId(name));
    return step !== undefined;
  });
  const { clientTenant = 'nobody', clientAddress = 'nowhere' } = step ?? {};
  return { clientTenant, clientAddress };
}

/** Pods of the fleet that serves, as far as a restart or a replacement would show. */
async function incarnations(): Promise<string[]> {
  const pods = (await relayPods(eyes)).filter(({ name }) => name.startsWith('default-relay-'));
  return pods.map(({ uid, restarts, container }) => `${uid} ${restarts} ${container}`).sort();
}

/** A session from beside the nodes, as far as an open transaction. */
async function openTransaction(server: string): Promise<RawSmtp> {
  const client = await RawSmtp.greeted(server, SMTP_PORT, { localAddress: cluster.address });
  expect((await client.command('MAIL FROM:<anna@world.example>')).code).toBe(250);
  expect((await client.command('RCPT TO:<mary.jones@shared.example>')).code).toBe(250);
  return client;
}

const asJohn = () => ({ clientTenant: 'tenant1', clientAddress: cluster.client.address });

test('relays that were told of no load balancer take nothing from one', async () => {
  const { code, said } = await johnWrites(BALANCER, 'not-believed');
  expect(code).not.toBe(0);
  expect(said).toContain('421 4.7.0 ');
  expect(sendersSeen('not-believed')).toEqual([]);
}, 60_000);

test('under Optional a client is known by its own address through the balancer, and through the Service as well', async () => {
  const before = await incarnations();
  await believe('Optional');
  for (const [server, name] of [
    [BALANCER, 'optional-balancer'],
    [installed.address, 'optional-direct'],
  ] as const) {
    expect(await johnWrites(server, name)).toMatchObject({ code: 0 });
    expect(sendersSeen(name)).toEqual(['john.smith@shared.example']);
    expect(await clientOf(name)).toEqual(asJohn());
  }
  expect(await incarnations()).toEqual(before);
}, 180_000);

test('Required turns away who comes directly, and no session that was open before', async () => {
  const before = await incarnations();
  const sessions = await Promise.all([openTransaction(BALANCER), openTransaction(installed.address)]);
  await believe('Required');
  expect(await johnWrites(BALANCER, 'required-balancer')).toMatchObject({ code: 0 });
  expect(await clientOf('required-balancer')).toEqual(asJohn());
  const { code, said } = await johnWrites(installed.address, 'required-direct');
  expect(code).not.toBe(0);
  expect(said).toContain('421 4.7.0 ');
  expect(sendersSeen('required-direct')).toEqual([]);
  for (const session of sessions) {
    expect((await session.data(FROM_ANNA)).code).toBe(250);
    expect((await session.quit()).code).toBe(221);
  }
  expect(await incarnations()).toEqual(before);
}, 180_000);

test('a fleet whose image cannot be pulled says so and what to do, and the fleet beside it is not touched', async () => {
  const before = await incarnations();
  await eyes.apply(relayFleet('other', { hostname: 'other.shared.example', replicas: 1, image: NO_IMAGE }));
  let message = '';
  const says = async () => {
    message = (await eyes.condition('relayfleet', 'other', 'Ready'))?.message ?? '';
    return message.includes(`ImagePullBackOff: image ${NO_IMAGE} cannot be pulled: correct spec.image`);
  };
  await until('the image is named', says, { seconds: 120, every: 250, detail: () => message });
  expect(message).toMatch(/pod other-relay-\S+: /i);
  expect(await eyes.condition('relayfleet', 'other', 'Ready')).toMatchObject({ reason: 'DeploymentUnavailable' });
  expect(await eyes.condition('relayfleet', 'default', 'Ready')).toMatchObject({ status: 'True' });
  expect(await incarnations()).toEqual(before);
}, 180_000);

test('and is ready once its spec names an image that there is, by the operator that has run all the time', async () => {
  const operators = (await operatorPods(eyes)).map(({ uid, restarts }) => ({ uid, restarts }));
  await patch('relayfleet', 'other', { image: `${RELAY_IMAGE}:${TAG}` });
  await rolledOut('other');
  const isReady = async () => {
    const other = await eyes.get('relayfleet', 'other');
    const ready = other?.status?.conditions?.find(({ type }) => type === 'Ready');
    return ready?.status === 'True' && ready.observedGeneration === other?.metadata.generation;
  };
  await until('the other fleet is ready', isReady, { seconds: 120, every: 250 });
  expect((await operatorPods(eyes)).map(({ uid, restarts }) => ({ uid, restarts }))).toEqual(operators);
  expect(operators.map(({ restarts }) => restarts)).toEqual([0, 0]);
}, 300_000);
