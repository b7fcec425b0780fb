/** Mail that goes in circles ends: two tenants that forward to each other, and a header that counts our passes and nobody can forge. */

import { afterEach, expect, it } from 'vitest';
import { type Isthmus, startIsthmus } from '../support/isthmus.ts';
import { type Postfix, startPostfix } from '../support/postfix.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { FROM, twoTenants } from '../support/two-tenants.ts';
import { freePort } from '../support/free-port.ts';
import { startPeer } from './next-hop/scripted-peer.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const TRACE = /^X-Isthmus-Trace:.*\r?\n(?:[ \t].*\r?\n)*/m;
const message = (id: string) =>
  `From: <eve@world.example>\r\nTo: <john@shared.example>\r\nDate: Sun, 22 Nov 2026 06:00:00 +0000\r\nMessage-ID: <${id}>\r\n\r\nHello\r\n`;

async function relayTo(ports: { tenant1: number; tenant2: number; world: number }): Promise<Isthmus> {
  const relay = await startIsthmus({ manifests: twoTenants(ports) });
  cleanup.push(() => relay.stop());
  return relay;
}

async function forwarder(port: number, relay: Isthmus, from: string, domain: string, map: string): Promise<Postfix> {
  const postfix = await startPostfix({
    port,
    hostname: `mail.${domain}`,
    relayHost: { host: relay.host, port: relay.port },
    settings: { smtp_bind_address: from, virtual_alias_domains: domain, virtual_alias_maps: `inline:{{${map}}}` },
  });
  cleanup.push(() => postfix.stop());
  return postfix;
}

it('two tenants that forward to each other stop, and the message comes to no third', async () => {
  const [one, two] = [await freePort(), await freePort()];
  const world = await startPeer({});
  cleanup.push(() => world.stop());
  const relay = await relayTo({ tenant1: one, tenant2: two, world: world.port });
  await forwarder(one, relay, FROM.tenant1, 'tenant1.example', 'john@tenant1.example=mary@shared.example');
  const tenant2 = await forwarder(
    two,
    relay,
    FROM.tenant2,
    'tenant2.example',
    'mary@tenant2.example=john@shared.example',
  );
  const client = await RawSmtp.greeted(relay.host, relay.port, { localAddress: FROM.world });
  expect((await client.send('eve@world.example', ['john@shared.example'], message('circle@world'))).code).toBe(250);
  await client.quit();
  const stopped = await relay.waitForLine({
    event: 'FAIL',
    reply: '554 5.4.6 Too many hops, this message is going in circles',
  });
  expect(stopped['cause']).toBe('it has passed this fleet 6 times');
  const sent = relay.lines().filter((line) => line['event'] === 'SEND' && line['messageId'] === '<circle@world>');
  expect(sent).toHaveLength(6);
  // The last that forwarded hears it, and tells the sender.
  await tenant2.waitForLog(/said: 554 5\.4\.6/);
});

it('counts only what it wrote itself', async () => {
  const next = await startPeer({});
  cleanup.push(() => next.stop());
  const relay = await relayTo({ tenant1: next.port, tenant2: next.port, world: next.port });
  const client = await RawSmtp.greeted(relay.host, relay.port, { localAddress: FROM.world });
  const pass = async (text: string) => {
    expect((await client.send('eve@world.example', ['john@shared.example'], text)).code).toBe(250);
    const content = next.conversations.flatMap(({ contents }) => contents).at(-1) ?? '';
    return TRACE.exec(content)?.[0] ?? '';
  };
  const first = await pass(message('a@world'));
  const second = await pass(first + message('a@world'));
  expect([first, second].map((trace) => /\bn=(\d+)/.exec(trace)?.[1])).toEqual(['1', '2']);
  // Copied to another message, and lowered by hand: it begins again.
  expect(/\bn=(\d+)/.exec(await pass(second + message('b@world')))?.[1]).toBe('1');
  expect(/\bn=(\d+)/.exec(await pass(second.replace('n=2', 'n=0') + message('a@world')))?.[1]).toBe('1');
  await client.quit();
});
