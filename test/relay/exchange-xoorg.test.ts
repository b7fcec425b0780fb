/** XOORG: who is offered it, what it proves, and that a tenant whose route is left out waits however it names itself. */

import { describe, expect, it } from 'vitest';
import { commands, contents, JOHN, message, start } from './exchange-fixture.ts';
import { GONE, INSIDE, OUTSIDE } from './exchange-world.ts';

describe('XOORG', () => {
  it('is offered to Exchange Online only, in TLS only, and unknown to everybody else', async () => {
    const at = await start();
    const exchange = await at.client();
    expect((await exchange.command('EHLO again.example')).lines).toContain('XOORG');
    for (const [shown, address] of [
      ['clear text', INSIDE],
      ['no certificate', INSIDE],
      ['forged', INSIDE],
      ['another name', INSIDE],
      ['Exchange Online', OUTSIDE],
    ] as const) {
      const other = await at.client(shown, address);
      expect((await other.command('EHLO again.example')).lines).not.toContain('XOORG');
      expect((await other.command(`MAIL FROM:<${JOHN}> XOORG=tenant1.onmicrosoft.example`)).text).toBe(
        '555 5.5.4 Unsupported parameter XOORG',
      );
      await other.quit();
    }
    await exchange.quit();
  });

  it('proves the tenant before its recipients, which are then asked for at once', async () => {
    const at = await start({ world: { RCPT: ['550 5.1.1 unknown', '250 2.1.5 ok'] } });
    const client = await at.client();
    await client.command(`MAIL FROM:<${JOHN}> XOORG=Tenant1.OnMicrosoft.Example`);
    expect((await client.command('RCPT TO:<gone@world.example>')).text).toBe('550 5.1.1 unknown');
    expect((await client.command('RCPT TO:<bob@world.example>')).code).toBe(250);
    expect((await client.command('RCPT TO:<ghost@shared.example>')).text).toMatch(/^550 5\.1\.1 /);
    expect((await client.data(message(undefined))).code).toBe(250);
    expect(commands(at.world)).toContain('MAIL FROM:<john@shared.example>');
    expect(commands(at.world).join()).not.toContain('XOORG');
    expect(await at.metric('isthmus_exchange_online_proofs_total{result="Organization"}')).toBe(1);
    await client.quit();
  });

  it('of an organization that nobody knows proves nothing', async () => {
    const at = await start();
    const client = await at.client();
    await client.command(`MAIL FROM:<${JOHN}> XOORG=world.example`);
    expect((await client.command('RCPT TO:<bob@world.example>')).code).toBe(250);
    expect(at.world.conversations).toEqual([]);
    expect((await client.data(message(undefined))).text).toMatch(/^550 5\.7\.1 /);
    expect(at.world.conversations).toEqual([]);
    await client.quit();
  });

  it.each(['XOORG', 'XOORG=', 'XOORG=not_a..domain'])('%s is no domain', async (parameter) => {
    const at = await start();
    const client = await at.client();
    expect((await client.command(`MAIL FROM:<${JOHN}> ${parameter}`)).code).toBe(501);
    await client.quit();
  });

  it('holds for one transaction', async () => {
    const at = await start();
    const client = await at.client();
    await client.command(`MAIL FROM:<${JOHN}> XOORG=tenant1.onmicrosoft.example`);
    await client.command('RSET');
    expect((await client.send(JOHN, ['bob@world.example'], message(undefined))).text).toMatch(/^550 5\.7\.1 /);
    await client.quit();
  });
});

describe('a tenant whose route is left out', () => {
  it('waits: by its organization at RCPT, by its id at the end of the headers', async () => {
    const at = await start();
    const client = await at.client();
    await client.command('MAIL FROM:<x@gone.example> XOORG=gone.example');
    expect((await client.command('RCPT TO:<bob@world.example>')).text).toMatch(/^451 4\.3\.5 /);
    await client.command('RSET');
    for (const to of ['bob@world.example', 'mary@shared.example']) {
      expect((await client.send('x@gone.example', [to], message(GONE))).text).toMatch(/^451 4\.3\.5 /);
    }
    expect(at.peers.flatMap(contents)).toEqual([]);
    await client.quit();
  });
});
