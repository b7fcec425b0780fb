/** Two relays behind a real HAProxy on loopback: it comes from 127.0.0.2, and whoever writes through it from an address of their own. */

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Haproxy, type HaproxyOptions, startHaproxy } from '../support/haproxy.ts';
import { type Isthmus, startIsthmus } from '../support/isthmus.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { swaks } from '../support/swaks.ts';
import { FROM, twoTenants } from '../support/two-tenants.ts';

const BALANCER = '127.0.0.2';
const OUTBOUND = ['--from', 'john@tenant1.example', '--to', 'bob@world.example'];

/** A line comes a moment after the answer that it is about. */
const WRITTEN = { timeout: 20_000 };

let sink: SmtpSink;
let relays: Isthmus[];
let haproxy: Haproxy;

const serversOf = (those: readonly Isthmus[]) => those.map(({ host, port }) => `${host}:${port}`);

beforeAll(async () => {
  sink = await startSmtpSink({ keep: true });
  const manifests = twoTenants({
    tenant1: sink.port,
    tenant2: sink.port,
    world: sink.port,
    fleet: `  proxyProtocol: {mode: Required, trustedCIDRs: [${BALANCER}/32]}\n`,
  });
  relays = await Promise.all([startIsthmus({ manifests }), startIsthmus({ manifests })]);
  haproxy = await startHaproxy({ servers: serversOf(relays), source: BALANCER });
});

afterAll(async () => {
  await haproxy?.stop();
  await Promise.all((relays ?? []).map((relay) => relay.stop()));
  await sink?.stop();
});

/** Another balancer in front of the same relays. */
async function balancer(options: Partial<HaproxyOptions>): Promise<Haproxy> {
  const other = await startHaproxy({ servers: serversOf(relays), source: BALANCER, ...options });
  onTestFinished(() => other.stop());
  return other;
}

const send = (through: { host: string; port: number }, from: string, ...more: readonly string[]) =>
  swaks(through.host, through.port, ['--local-interface', from, ...OUTBOUND, ...more]);

const linesOf = (event: string) =>
  relays.flatMap((relay, at) => relay.lines().flatMap((each) => (each['event'] === event ? [{ ...each, at }] : [])));

/** Of all relays. */
async function counted(metric: string): Promise<number> {
  const texts = await Promise.all(relays.map((relay) => relay.get('/metrics')));
  const values = texts.map(({ body }) => body.split('\n').find((row) => row.startsWith(`${metric} `)));
  return values.reduce((sum, row) => sum + Number(row?.split(' ')[1]), 0);
}

const refusals = (reason: string) => counted(`isthmus_smtp_connections_refused_total{reason="${reason}"}`);

it('the tenant is known by its own address, and tracking and Received name it', async () => {
  const { code, transcript } = await send(haproxy, FROM.tenant1, '--tls', '--header', 'Subject: known');
  expect(code, transcript).toBe(0);
  const client = {
    clientAddress: FROM.tenant1,
    clientTenant: 'tenant1',
    clientTls: expect.stringContaining('TLSv1.3'),
  };
  await expect.poll(() => linesOf('RECEIVE'), WRITTEN).toMatchObject([client]);
  const mail = sink.transactions().find((text) => text.includes('Subject: known'));
  expect(mail).toContain('From: john@shared.example');
  expect(mail).toContain(`([${FROM.tenant1}])`);
});

it('whoever writes from another address is the internet, though he comes from the same balancer', async () => {
  const { code, replies } = await send(haproxy, FROM.world);
  expect(code).toBe(24);
  expect(replies.find((reply) => reply.startsWith('550'))).toMatch(/^550 5\.7\.1/);
});

it('connections are spread over both relays', async () => {
  for (let count = 0; count < 4; count++) expect((await send(haproxy, FROM.tenant1)).code).toBe(0);
  await expect.poll(() => new Set(linesOf('SEND').map(({ at }) => at)), WRITTEN).toEqual(new Set([0, 1]));
});

it.each([
  ['by connection', false],
  ['by EHLO', true],
])('checks %s find the relays alive without a word in their logs', async (_how, smtpChecks) => {
  const logged = () => relays.map((relay) => relay.lines().filter((line) => line['msg'] !== undefined).length);
  const before = logged();
  const { process } = await balancer({ smtpChecks });
  for (const server of ['relay1', 'relay2']) {
    await process.waitForOutput(new RegExp(`server relays/${server} succeeded, reason: Layer${smtpChecks ? 7 : 4}`));
  }
  // What the relays write about a mail comes after what they would have written about the checks.
  const count = linesOf('SEND').length;
  for (const relay of relays) {
    const { host, port } = await balancer({ servers: serversOf([relay]) });
    expect((await send({ host, port }, FROM.tenant1)).code).toBe(0);
  }
  await expect.poll(() => linesOf('SEND').length, WRITTEN).toBe(count + 2);
  expect(logged()).toEqual(before);
});

describe('refused, and counted, is', () => {
  it.each([
    ['version 2', { header: 'send-proxy-v2' }, 'proxy_version_2'],
    ['a balancer that says nothing', { header: 'none' }, 'proxy_header'],
    ['a balancer that is not trusted', { source: '127.0.0.4' }, 'proxy_required'],
  ] as const)('%s', async (_what, options, reason) => {
    const { transcript } = await send(await balancer(options), FROM.tenant1);
    expect(transcript).toMatch(/^<[*-]* +421 4\.7\.0 /m);
    expect(await refusals(reason)).toBeGreaterThan(0);
  });

  it('a client that passes the balancer by', async () => {
    const [relay] = relays as [Isthmus];
    const { transcript } = await send(relay, FROM.tenant1);
    expect(transcript).toContain('421 4.7.0 Connections are taken from load balancers only');
  });
});

it('a relay that is killed is missed by nobody', async () => {
  await relays[1]?.process.stop('SIGKILL');
  for (let count = 0; count < 4; count++) expect((await send(haproxy, FROM.tenant1)).code).toBe(0);
});
