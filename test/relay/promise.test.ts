/** No mail is lost and every answer is true: next hops that fall silent, close, lie or lose us; clients that leave; workers that die. */

import { afterEach, describe, expect, it } from 'vitest';
import { type Isthmus, type IsthmusOptions, startIsthmus } from '../support/isthmus.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { FROM, type TwoTenants, twoTenants } from '../support/two-tenants.ts';
import { CLOSE, type Script, SILENCE, type ScriptedPeer, startPeer } from './next-hop/scripted-peer.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const message = (id: string) =>
  `From: <eve@world.example>\r\nTo: <john@shared.example>\r\nMessage-ID: <${id}>\r\n\r\nHello\r\n`;

async function world(
  scripts: readonly Script[],
  options: Partial<TwoTenants> = {},
  more: Partial<IsthmusOptions> = {},
): Promise<{ next: ScriptedPeer; at: Isthmus }> {
  const next = await startPeer(...scripts);
  cleanup.push(() => next.stop());
  const ports = { tenant1: next.port, tenant2: next.port, world: next.port };
  const at = await startIsthmus({ manifests: twoTenants({ ...ports, ...options }), ...more });
  cleanup.push(() => at.stop());
  return { next, at };
}

function client(at: Isthmus, localAddress: string = FROM.world): Promise<RawSmtp> {
  return RawSmtp.greeted(at.host, at.port, { localAddress });
}

/** Waits for a counter: what a client cannot see is seen there. */
async function metric(at: Isthmus, name: string, value: number): Promise<void> {
  await expect.poll(async () => (await at.get('/metrics')).body).toMatch(new RegExp(`^${name} ${value}$`, 'm'));
}

const JOHN = ['john@shared.example'];

describe('the next hop', () => {
  it('may close its open transaction: it is played again on another connection', async () => {
    const { next, at } = await world([{}]);
    const from = await client(at);
    await from.command('MAIL FROM:<eve@world.example>');
    expect((await from.command('RCPT TO:<john@shared.example>')).code).toBe(250);
    next.conversations[0]?.close();
    await next.until(() => next.conversations[0]?.closed === true);
    expect((await from.data(message('again@x'))).code).toBe(250);
    expect(next.conversations[1]?.commands).toContain('RCPT TO:<john@tenant1.example>');
    expect(next.conversations[1]?.contents).toHaveLength(1);
    await from.quit();
  });

  it('that vanishes after the dot leaves the sender with 451, never with 250', async () => {
    const { at } = await world([{ content: CLOSE }]);
    const from = await client(at);
    expect((await from.send('eve@world.example', JOHN, message('lost@x'))).text).toMatch(/^451 4\.4\.2 /);
    await from.quit();
  });

  it.each([
    ['unknown user', { RCPT: '550 5.1.1 no such user here' }, '550 5.1.1'],
    ['mailbox full', { RCPT: '452 4.2.2 full' }, '452 4.2.2'],
    ['content refused', { content: '554 5.6.0 no thanks' }, '554 5.6.0'],
    ['content deferred', { content: '450 4.3.2 later' }, '450 4.3.2'],
    ['greeting refused', { greeting: '554 5.7.1 go away' }, '451 4.7.0'],
    ['sender refused', { MAIL: '550 5.7.1 not from you' }, '451 4.7.0'],
    ['relay denied', { RCPT: '554 5.7.1 <x>: Relay access denied' }, '451 4.7.0'],
    ['certificate not known', { RCPT: '550 5.7.51 TenantInboundAttribution' }, '451 4.7.0'],
    ['nonsense', { RCPT: 'hello there' }, '451'],
  ] satisfies [string, Script, string][])(
    'says no (%s): whose fault it is decides',
    async (_name, script, expected) => {
      const { at } = await world([script]);
      const from = await client(at);
      const { text } = await from.send('eve@world.example', JOHN, message('no@x'));
      expect(text.slice(0, expected.length)).toBe(expected);
      expect(text).not.toMatch(/tenant|no such user here|no thanks/i);
      await from.quit();
    },
  );

  it("tells its own words to a proven tenant, with the tenant's addresses rewritten", async () => {
    const { at } = await world([{ RCPT: '550 5.1.1 <mary@tenant2.example> is unknown here' }]);
    const from = await client(at, FROM.tenant1);
    await from.command('MAIL FROM:<john@tenant1.example>');
    expect((await from.command('RCPT TO:<mary@shared.example>')).text).toBe(
      '550 5.1.1 <mary@shared.example> is unknown here',
    );
    await from.quit();
  });

  it('gets one copy for two aliases of one mailbox', async () => {
    const { next, at } = await world([{}]);
    const from = await client(at);
    const twice = ['john@shared.example', 'JOHN@shared.example'];
    expect((await from.send('eve@world.example', twice, message('alias@x'))).code).toBe(250);
    expect(next.conversations[0]?.commands.filter((line) => line.startsWith('RCPT'))).toHaveLength(1);
    await from.quit();
  });

  it('that is not there is a reason to wait', async () => {
    const { at } = await world([{}], { tenant1: 1 });
    const from = await client(at);
    expect((await from.send('eve@world.example', JOHN, message('closed@x'))).text).toMatch(/^451 4\.4\.1 /);
    await from.quit();
  });
});

describe('the client', () => {
  it('that goes after its dot gets its message delivered once, and its retry answered', async () => {
    const { next, at } = await world([{ content: [SILENCE, '250 2.0.0 second'] }]);
    const first = await client(at);
    await first.command('MAIL FROM:<eve@world.example>');
    await first.command('RCPT TO:<john@shared.example>');
    await first.command('DATA');
    first.write(`${message('once@x')}.\r\n`);
    await next.until(() => next.conversations[0]?.contents.length === 1);
    first.destroy();
    next.conversations[0]?.say('250 2.0.0 first\r\n');
    await metric(at, 'isthmus_client_gone_after_dot_total', 1);
    const again = await client(at);
    expect((await again.send('eve@world.example', JOHN, message('once@x'))).text).toMatch(
      /^250 2\.0\.0 OK .* delivered before$/,
    );
    expect(next.conversations.flatMap(({ contents }) => contents)).toHaveLength(1);
    expect((await again.send('eve@world.example', JOHN, message('other@x'))).code).toBe(250);
    await again.quit();
    await metric(at, 'isthmus_answered_from_memory_total', 1);
  });

  it.each([
    ['closes without QUIT may not have heard us', false, / delivered before$/],
    ['says QUIT has heard us, and sends the same again on purpose', true, / delivered$/],
  ])('that %s', async (_name, politely, expected) => {
    const { at } = await world([{}]);
    const first = await client(at);
    expect((await first.send('eve@world.example', JOHN, message('heard@x'))).code).toBe(250);
    if (politely) await first.quit();
    else first.destroy();
    await metric(at, 'isthmus_smtp_connections', 0);
    const again = await client(at);
    expect((await again.send('eve@world.example', JOHN, message('heard@x'))).text).toMatch(expected);
    await again.quit();
  });

  it('that goes before its dot leaves nothing behind', async () => {
    const { next, at } = await world([{}]);
    const from = await client(at);
    await from.command('MAIL FROM:<eve@world.example>');
    await from.command('RCPT TO:<john@shared.example>');
    await from.command('DATA');
    from.write('Subject: half\r\n\r\nhalf a message');
    from.destroy();
    await at.waitForLine({ event: 'DROP' });
    await next.until(() => next.conversations[0]?.commands.includes('RSET') === true);
    expect(next.conversations[0]?.contents).toEqual([]);
  });

  it('that sends two messages over one connection has each answered by its own next hop', async () => {
    const { next, at } = await world([{}]);
    const from = await client(at, FROM.tenant1);
    expect((await from.send('john@tenant1.example', ['mary@shared.example'], message('1@x'))).code).toBe(250);
    expect((await from.send('john@tenant1.example', ['bob@world.example'], message('2@x'))).code).toBe(250);
    const paths = next.conversations.flatMap(({ commands }) => commands.filter((line) => line.startsWith('RCPT')));
    expect(paths).toEqual(['RCPT TO:<mary@tenant2.example>', 'RCPT TO:<bob@world.example>']);
    await from.quit();
  });

  it('in a loop is stopped by its Received fields', async () => {
    const { at } = await world([{}], { fleet: '  limits: {hops: 5}\n' });
    const from = await client(at);
    const looped = `${'Received: from a by b; Sun, 22 Nov 2026 06:00:00 +0000\r\n'.repeat(6)}${message('loop@x')}`;
    expect((await from.send('eve@world.example', JOHN, looped)).text).toMatch(/^554 5\.4\.6 /);
    await from.quit();
  });

  it('whose header begins in the middle of a field hears so', async () => {
    const { at } = await world([{}]);
    const from = await client(at);
    expect((await from.send('eve@world.example', JOHN, ` folded\r\n${message('x')}`)).text).toMatch(/^554 5\.6\.0 /);
    await from.quit();
  });

  it('above its messages a minute is asked to wait', async () => {
    const { at } = await world([{}], { fleet: '  limits: {messagesPerMinutePerClient: 2}\n' });
    const from = await client(at);
    for (const id of ['1', '2']) expect((await from.send('eve@world.example', JOHN, message(id))).code).toBe(250);
    expect((await from.command('MAIL FROM:<eve@world.example>')).text).toMatch(/^451 4\.7\.1 /);
    await at.waitForLine({ event: 'THROTTLE' });
    await from.quit();
  });
});

describe('workers', () => {
  it('share the listener and their memory, and are replaced when they die', async () => {
    const { next, at } = await world([{ content: SILENCE }, {}], {}, { args: ['--workers', '2'] });
    const first = await client(at);
    await first.command('MAIL FROM:<eve@world.example>');
    await first.command('RCPT TO:<john@shared.example>');
    await first.command('DATA');
    first.write(`${message('shared@x')}.\r\n`);
    await next.until(() => next.conversations[0]?.contents.length === 1);
    first.destroy();
    next.conversations[0]?.say('250 2.0.0 first\r\n');
    await metric(at, 'isthmus_client_gone_after_dot_total', 1);
    for (let retry = 0; retry < 4; retry++) {
      const again = await client(at);
      expect((await again.send('eve@world.example', JOHN, message('shared@x'))).text).toMatch(/delivered before$/);
      await again.quit();
    }
    await metric(at, 'isthmus_answered_from_memory_total', 4);
    const { pids } = (await at.status()) as { pids: number[] };
    expect(pids).toHaveLength(2);
    process.kill(pids[0] ?? 0, 'SIGKILL');
    await at.waitForLine({ msg: 'a worker has been replaced' });
    const after = await client(at);
    expect((await after.send('eve@world.example', JOHN, message('after@x'))).code).toBe(250);
    await after.quit();
    expect(((await at.status()) as { pids: number[] }).pids).toHaveLength(2);
  });
});
