/** Exchange Online as a client: its proof before and after the headers, recipients that wait for it, and what is told to whom. */

import { describe, expect, it } from 'vitest';
import { commands, contents, JOHN, message, start } from './exchange-fixture.ts';
import { FOREIGN, ONE, TENANT_ID, TWO } from './exchange-world.ts';

describe('provisional recipients', () => {
  it('are asked for after the proof, and get the message rewritten', async () => {
    const at = await start();
    const client = await at.client();
    await client.command(`MAIL FROM:<${JOHN}>`);
    expect((await client.command('RCPT TO:<bob@world.example>')).text).toBe('250 2.1.5 OK');
    expect((await client.command('RCPT TO:<eve@other.example>')).text).toBe('250 2.1.5 OK');
    expect(at.world.conversations).toEqual([]);
    expect((await client.data(message(ONE))).code).toBe(250);
    expect(commands(at.world).slice(1)).toEqual([
      'MAIL FROM:<john@shared.example>',
      'RCPT TO:<bob@world.example>',
      'RCPT TO:<eve@other.example>',
      'DATA',
    ]);
    expect(contents(at.world)[0]).toMatch(/^From: John <john@shared\.example>\r$/m);
    const [received] = at.lines().filter(({ event }) => event === 'RECEIVE');
    expect(received).toMatchObject({ clientTenant: 'tenant1', originalSender: JOHN, sender: 'john@shared.example' });
    expect(await at.metric('isthmus_exchange_online_proofs_total{result="TenantId"}')).toBe(1);
    expect(await at.metric('isthmus_exchange_online_elsewhere_total')).toBe(1);
    await client.quit();
  });

  it('that are all refused for good make that the answer', async () => {
    const at = await start({ world: { RCPT: '550 5.1.1 <bob@world.example> unknown' } });
    const client = await at.client();
    expect((await client.send(JOHN, ['bob@world.example'], message(ONE))).text).toBe(
      '550 5.1.1 <bob@world.example> unknown',
    );
    expect(contents(at.tenant1)).toEqual([]);
    await client.quit();
  });

  it('of which one is to be tried again make the client try all again', async () => {
    const at = await start({ world: { RCPT: ['250 2.1.5 ok', '450 4.2.1 busy', '550 5.1.1 unknown'] } });
    const client = await at.client();
    const three = ['a@world.example', 'b@world.example', 'c@world.example'];
    expect((await client.send(JOHN, three, message(ONE))).text).toMatch(/^451 4\.2\.1 /);
    expect([contents(at.world), contents(at.tenant1)]).toEqual([[], []]);
    await client.quit();
  });

  it('of which some are refused for good: their sender is told first, then the others get it', async () => {
    const at = await start({ world: { RCPT: ['250 2.1.5 ok', '550 5.1.1 unknown'] } });
    const client = await at.client();
    const two = ['bob@world.example', 'gone@world.example'];
    expect((await client.send(JOHN, two, message(ONE))).code).toBe(250);
    expect(commands(at.tenant1).slice(1, 3)).toEqual(['MAIL FROM:<>', `RCPT TO:<${JOHN}>`]);
    const [report] = contents(at.tenant1);
    expect(report).toContain('Final-Recipient: rfc822; gone@world.example\r\nAction: failed\r\nStatus: 5.1.1\r\n');
    expect(report).not.toContain('Final-Recipient: rfc822; bob@world.example');
    expect(at.world.conversations[0]?.transactions.map(({ recipients }) => recipients)).toEqual([
      ['bob@world.example'],
    ]);
    const events = at.lines().map(({ event }) => event);
    expect(events.indexOf('DSN')).toBeGreaterThan(0);
    expect(events.indexOf('SEND')).toBeGreaterThan(events.indexOf('DSN'));
    await client.quit();
  });

  it.each([
    ['at RCPT', { RCPT: '550 5.1.1 no such john' }],
    ['at its dot', { content: '554 5.6.0 no reports' }],
    ['for now', { MAIL: '421 4.3.2 closing' }],
  ])('are not delivered when the report is refused %s', async (_name, tenant1) => {
    const at = await start({ tenant1, world: { RCPT: ['250 2.1.5 ok', '550 5.1.1 unknown'] } });
    const client = await at.client();
    const two = ['bob@world.example', 'gone@world.example'];
    expect((await client.send(JOHN, two, message(ONE))).text).toMatch(/^451 4\.4\.0 /);
    expect(contents(at.world)).toEqual([]);
    await client.quit();
  });

  it('are not asked for when the time for the delivery is over', async () => {
    const at = await start({ parts: { limits: { deliveryTimeoutSeconds: 0 } } });
    const client = await at.client();
    expect((await client.send(JOHN, ['bob@world.example'], message(ONE))).text).toMatch(/^451 4\.4\.7 /);
    expect(at.world.conversations).toEqual([]);
    await client.quit();
  });

  it('are reported once, however often the message must be tried again', async () => {
    const script = { RCPT: ['250 2.1.5 ok', '550 5.1.1 unknown'], content: '450 4.3.2 later' };
    const at = await start({ world: [script, script, { ...script, content: '250 2.0.0 taken' }] });
    const client = await at.client();
    const two = ['bob@world.example', 'gone@world.example'];
    const tries: number[] = [];
    for (let n = 0; n < 3; n++) {
      tries.push((await client.send(JOHN, two, message(ONE))).code);
      at.world.conversations.at(-1)?.close();
      await at.world.until(() => at.world.conversations.every(({ closed }) => closed));
    }
    expect(tries).toEqual([450, 450, 250]);
    expect(contents(at.tenant1)).toHaveLength(1);
    const another = message(ONE).replace('<1@', '<2@');
    await client.send(JOHN, two, another);
    expect(contents(at.tenant1)).toHaveLength(2);
    await client.quit();
  });

  it('of a null sender are delivered without a report', async () => {
    const at = await start({ world: { RCPT: ['550 5.1.1 unknown', '250 2.1.5 ok'] } });
    const client = await at.client();
    expect((await client.send('', ['gone@world.example', 'bob@world.example'], message(ONE))).code).toBe(250);
    expect(at.tenant1.conversations).toEqual([]);
    expect(contents(at.world)).toHaveLength(1);
    await client.quit();
  });

  it('of a sender known by his shared address are reported to his own', async () => {
    const at = await start({ world: { RCPT: ['250 2.1.5 ok', '550 5.1.1 unknown'] } });
    const client = await at.client();
    const two = ['bob@world.example', 'gone@world.example'];
    expect((await client.send('john@shared.example', two, message(ONE))).code).toBe(250);
    expect(commands(at.tenant1)).toContain(`RCPT TO:<${JOHN}>`);
    await client.quit();
  });

  it('share no transaction with recipients that are asked for at once: the answer would tell who is where', async () => {
    const at = await start();
    const client = await at.client();
    await client.command(`MAIL FROM:<${JOHN}>`);
    await client.command('RCPT TO:<mary@shared.example>');
    for (const to of ['bob@tenant2.example', 'bob@tenant1.example', 'bob@world.example']) {
      expect((await client.command(`RCPT TO:<${to}>`)).text).toMatch(/^452 4\.5\.3 /);
    }
    await client.quit();
  });

  it('are no next hop’s business when the client leaves, resets, or sends nothing', async () => {
    const at = await start();
    const client = await at.client();
    for (const last of ['RSET', 'EHLO again.example', 'RSET']) {
      await client.command(`MAIL FROM:<${JOHN}>`);
      await client.command('RCPT TO:<bob@world.example>');
      await client.command(last);
    }
    await client.command(`MAIL FROM:<${JOHN}>`);
    await client.command('RCPT TO:<bob@world.example>');
    await client.command('DATA');
    client.write(`${TENANT_ID}: ${ONE}\r\n\r\nhalf a mess`);
    client.destroy();
    await expect.poll(() => at.lines().some(({ event }) => event === 'DROP')).toBe(true);
    expect(at.peers.flatMap((peer) => peer.conversations)).toEqual([]);
  });
});

describe('a recipient that is asked for at once', () => {
  it('hears the shared address, and nothing more when the proof agrees', async () => {
    const at = await start();
    const client = await at.client();
    expect((await client.send(JOHN, ['mary@shared.example'], message(ONE))).code).toBe(250);
    expect(commands(at.tenant2).slice(1)).toEqual([
      'MAIL FROM:<john@shared.example>',
      'RCPT TO:<mary@tenant2.example>',
      'DATA',
    ]);
    await client.quit();
  });

  it.each([
    ['a stranger', FOREIGN],
    ['nobody', undefined],
  ])('is asked again, with the sender as he came, when the headers prove %s', async (_name, id) => {
    const at = await start();
    const client = await at.client();
    expect((await client.send(JOHN, ['mary@shared.example'], message(id))).code).toBe(250);
    const told = at.tenant2.conversations.flatMap(({ transactions }) => transactions);
    expect(told.map(({ recipients }) => recipients)).toEqual([['mary@tenant2.example']]);
    expect(commands(at.tenant2).filter((line) => line.startsWith('MAIL'))).toEqual([
      'MAIL FROM:<john@shared.example>',
      `MAIL FROM:<${JOHN}>`,
    ]);
    expect(told[0]?.content).toMatch(/^From: John <john@tenant1\.example>\r$/m);
    await client.quit();
  });

  it("that refuses the stranger's own sender makes that the answer", async () => {
    const at = await start({ tenant2: [{}, { RCPT: '550 5.7.23 not from you' }] });
    const client = await at.client();
    expect((await client.send(JOHN, ['mary@shared.example'], message(FOREIGN))).text).toMatch(/^550 5\.7\.23 /);
    expect(contents(at.tenant2)).toEqual([]);
    await client.quit();
  });

  it.each([
    ['one', { RCPT: ['550 5.7.23 not from you', '250 2.1.5 ok'] }, '451 4.5.3'],
    ['one for now', { RCPT: ['250 2.1.5 ok', '450 4.2.1 busy'] }, '451 4.2.1'],
  ])('makes the stranger try again when %s is refused, as nobody tells a stranger', async (_name, second, expected) => {
    const at = await start({ tenant1: [{}, second] });
    const client = await at.client();
    const both = ['john@shared.example', 'ghost@shared.example'];
    expect((await client.send(JOHN, both, message(FOREIGN))).text).toContain(expected);
    expect(contents(at.tenant1)).toEqual([]);
    await client.quit();
  });

  it('unknown, and found to be the sender’s own tenant’s, is refused; others are delivered after a report', async () => {
    const at = await start();
    const client = await at.client();
    const both = ['john@shared.example', 'ghost@shared.example'];
    expect((await client.send(JOHN, both, message(ONE))).code).toBe(250);
    const taken = at.tenant1.conversations.flatMap(({ transactions }) => transactions);
    expect(taken.map(({ recipients }) => recipients)).toEqual([[JOHN], [JOHN]]);
    expect(taken[0]?.content).toContain(
      'Final-Recipient: rfc822; ghost@shared.example\r\nAction: failed\r\nStatus: 5.1.1',
    );
    expect(taken[1]?.content).toMatch(/\r\nHello\r\n\.\r\n$/);
    expect((await client.send(JOHN, ['ghost@shared.example'], message(ONE))).text).toMatch(/^550 5\.1\.1 /);
    expect((await client.send('ann@tenant2.example', ['ghost@shared.example'], message(TWO))).code).toBe(250);
    await client.quit();
  });

  it('found at a tenant is delivered, also when that tenant turns out to have sent it', async () => {
    const users = (...known: string[]) => ({
      RCPT: (path: string) => (known.includes(path) ? '250 2.1.5 ok' : '550 5.1.1 unknown'),
    });
    const at = await start({
      tenant1: users('ann@tenant1.example'),
      tenant2: users('tom@tenant2.example'),
      discover: ['tenant1', 'tenant2'],
    });
    const client = await at.client();
    expect((await client.send(JOHN, ['ann@shared.example'], message(ONE))).code).toBe(250);
    expect((await client.send(JOHN, ['ann@shared.example'], message(FOREIGN))).code).toBe(250);
    expect((await client.send(JOHN, ['tom@shared.example'], message(ONE))).code).toBe(250);
    expect(contents(at.tenant2)[0]).toMatch(/^From: John <john@shared\.example>\r$/m);
    await client.quit();
  });
});
