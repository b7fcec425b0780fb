/** The whole relay with `outbound.route: MX`: a real DNS server, Postfix on port 25 of a public address, one recipient domain a delivery. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { type Isthmus, startIsthmus } from '../support/isthmus.ts';
import { useAddresses } from '../support/namespace.ts';
import { type Postfix, startPostfix } from '../support/postfix.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { FROM, twoTenants } from '../support/two-tenants.ts';

const DNS = '198.51.100.53';
const MX = '198.51.100.1';
const ZONES = {
  'world.example': `@ MX 10 mx\nmx A ${MX}`,
  'implicit.example': `@ A ${MX}`,
  'null.example': '@ MX 0 .',
  'inside.example': '@ MX 10 mx\nmx A 10.0.0.1',
};
const MESSAGE = 'From: John <john@tenant1.example>\r\nMessage-ID: <mx@tenant1.example>\r\n\r\nHello\r\n';

let dns: DnsServer;
let postfix: Postfix;
let relay: Isthmus;

beforeAll(async () => {
  await useAddresses([DNS, MX]);
  dns = await startDnsServer({ address: DNS, port: 53, zones: ZONES });
  const mailboxes = ['bob@world.example', 'eve@implicit.example'];
  postfix = await startPostfix({ address: MX, port: 25, hostname: 'mx.world.example', mailboxes });
  const manifests = twoTenants({ tenant1: 2601, tenant2: 2602, world: 2603 });
  const fleet = manifests['fleet.yaml']?.replace(/route: SmartHost[^]*$/, 'route: MX\n') ?? '';
  relay = await startIsthmus({ manifests: { ...manifests, 'fleet.yaml': fleet }, args: ['--dns-server', DNS] });
});

afterAll(async () => {
  await relay?.stop();
  await postfix?.stop();
  await dns?.stop();
});

it("takes a tenant's mail to the exchanger of each recipient domain, one domain a transaction", async () => {
  const client = await RawSmtp.greeted(relay.host, relay.port, { localAddress: FROM.tenant1 });
  await client.command('MAIL FROM:<john@tenant1.example>');
  expect((await client.command('RCPT TO:<bob@world.example>')).code).toBe(250);
  expect((await client.command('RCPT TO:<eve@implicit.example>')).text).toMatch(/^452 4\.5\.3 /);
  expect((await client.data(MESSAGE)).code).toBe(250);
  expect((await client.send('john@tenant1.example', ['eve@implicit.example'], MESSAGE)).code).toBe(250);
  await client.quit();
  const [bob] = await postfix.waitForMail('bob@world.example');
  const [eve] = await postfix.waitForMail('eve@implicit.example');
  expect(bob?.text).toContain('From: John <john@shared.example>\n');
  expect(eve?.text).toContain('Return-Path: <john@shared.example>\n');
});

it.each([
  ['nobody@world.example', '550 5.1.1'],
  ['bob@null.example', '556 5.1.10'],
  ['bob@no-such-domain.example', '451 4.4.3'],
  ['bob@inside.example', '550 5.4.4'],
])('answers RCPT TO:<%s> with %s', async (recipient, expected) => {
  const client = await RawSmtp.greeted(relay.host, relay.port, { localAddress: FROM.tenant1 });
  await client.command('MAIL FROM:<john@tenant1.example>');
  expect((await client.command(`RCPT TO:<${recipient}>`)).text.slice(0, expected.length)).toBe(expected);
  await client.quit();
});

it('opens no way out for a stranger', async () => {
  const client = await RawSmtp.greeted(relay.host, relay.port, { localAddress: FROM.world });
  await client.command('MAIL FROM:<john@tenant1.example>');
  expect((await client.command('RCPT TO:<bob@world.example>')).text).toMatch(/^550 5\.7\.1 /);
  await client.quit();
});
