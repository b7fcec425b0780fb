/** Discover on the whole path: from the client's RCPT to the mailbox of whoever has it, and what is seen of it. */

import { afterEach, expect, it } from 'vitest';
import { type Isthmus, startIsthmus } from '../../support/isthmus.ts';
import { RawSmtp } from '../../support/raw-smtp.ts';
import { FROM, twoTenants } from '../../support/two-tenants.ts';
import { type Script, type ScriptedPeer, startPeer } from '../next-hop/scripted-peer.ts';
import { askedOf, knows } from './searching.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const DISCOVER = '  unresolvedRecipients:\n    action: Discover\n    order: [{name: tenant1}, {name: tenant2}]\n';
const JOHN = knows(['john@tenant1.example', 'jim@tenant1.example']);
const MARY = knows(['mary@tenant2.example', 'jim@tenant2.example']);
const message = 'From: <eve@world.example>\r\nTo: <mary@shared.example>\r\n\r\nHello\r\n';

async function world(...scripts: [Script, Script]): Promise<{ at: Isthmus; peers: readonly ScriptedPeer[] }> {
  const peers = await Promise.all([...scripts, {}].map((script) => startPeer(script)));
  for (const one of peers) cleanup.push(() => one.stop());
  const [tenant1 = 0, tenant2 = 0, smartHost = 0] = peers.map(({ port }) => port);
  const { 'mary.yaml': _everybody, ...manifests } = twoTenants({
    tenant1,
    tenant2,
    world: smartHost,
    domain: DISCOVER,
  });
  for (const file of ['tenant1.yaml', 'tenant2.yaml']) manifests[file] += '  recipientCheck: AtRcpt\n';
  const at = await startIsthmus({ manifests });
  cleanup.push(() => at.stop());
  return { at, peers };
}

async function client(at: Isthmus, localAddress: string = FROM.world): Promise<RawSmtp> {
  return RawSmtp.greeted(at.host, at.port, { localAddress });
}

it('the mail goes to the tenant that knows the address', async () => {
  const { at, peers } = await world(JOHN, MARY);
  const from = await client(at);
  expect((await from.send('eve@world.example', ['mary@shared.example'], message)).code).toBe(250);
  expect(peers[1]?.conversations.flatMap(({ transactions }) => transactions)).toMatchObject([
    { recipients: ['mary@tenant2.example'] },
  ]);
  expect((await at.get('/metrics')).body).toMatch(/^isthmus_recipients_total\{decision="Discovered"\} 1$/m);
  await from.quit();
});

it('an address that nobody knows is refused, and a client that guesses is sent away', async () => {
  const { at } = await world(JOHN, MARY);
  const from = await client(at);
  await from.command('MAIL FROM:<eve@world.example>');
  for (let nth = 1; nth <= 9; nth += 1) {
    const { text } = await from.command(`RCPT TO:<guess${nth}@shared.example>`);
    expect(text).toBe('550 5.1.1 Recipient address rejected: unknown user');
  }
  expect((await from.command('RCPT TO:<guess10@shared.example>')).text).toMatch(/^421 4\.7\.0 /);
  await from.closed();
});

it('a next hop that does not know now makes the client wait, and is named to nobody', async () => {
  const { at, peers } = await world(knows([], '450 4.2.0 tenant1 is busy'), MARY);
  const from = await client(at);
  const { text } = await from.send('eve@world.example', ['mary@shared.example'], message);
  expect(text).toBe('451 4.4.3 The recipient cannot be looked up now, please try again later');
  expect(askedOf(peers[1])).toEqual([]);
  await from.quit();
});

it('a colleague in the same tenant, whom no rule names, is reached by the shared address', async () => {
  const { at, peers } = await world(knows(['jim@tenant1.example']), MARY);
  const from = await client(at, FROM.tenant1);
  expect((await from.send('john@tenant1.example', ['jim@shared.example'], message)).code).toBe(250);
  expect(peers[0]?.conversations.flatMap(({ contents }) => contents)).toHaveLength(1);
  expect(askedOf(peers[1])).not.toContain('jim@tenant2.example');
  await from.quit();
});

it('a mailbox that has moved since it was found makes no bounce: it is found again', async () => {
  const users = ['jim@tenant1.example'];
  const { at } = await world(knows(users), MARY);
  const from = await client(at);
  expect((await from.send('eve@world.example', ['jim@shared.example'], message)).code).toBe(250);
  users.pop();
  expect((await from.send('eve@world.example', ['jim@shared.example'], message)).text).toMatch(/^451 4\.4\.3 /);
  await from.command('RSET');
  expect((await from.send('eve@world.example', ['jim@shared.example'], message)).code).toBe(250);
  await from.quit();
});

it('a catch-all stands in /status', async () => {
  const { at } = await world(knows([], '250 2.1.5 ok'), MARY);
  await expect
    .poll(async () => (await at.status())['findings'])
    .toMatchObject([{ type: 'CatchAll', subject: 'TenantRoute tenant1' }]);
});
