/** What is counted, remembered and left alone for a client with Exchange Online's certificate, proven or not. */

import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { commands, contents, JOHN, message, start } from './exchange-fixture.ts';
import { FOREIGN, ONE, OUTSIDE, TWO } from './exchange-world.ts';

describe('a proven tenant', () => {
  it('is what its messages a minute count for; its certificate alone has no limit of its address', async () => {
    const at = await start({ parts: { limits: { messagesPerMinutePerClient: 2 } } });
    const client = await at.client();
    for (let i = 0; i < 3; i++) {
      expect((await client.send('', ['mary@shared.example'], message(FOREIGN))).code).toBe(250);
    }
    for (let i = 0; i < 2; i++) expect((await client.send(JOHN, ['bob@world.example'], message(ONE))).code).toBe(250);
    expect((await client.send(JOHN, ['bob@world.example'], message(ONE))).text).toMatch(/^451 4\.7\.1 /);
    expect((await client.send('', ['bob@world.example'], message(TWO))).code).toBe(250);
    await client.quit();
  });

  it('whose answer got lost is answered from memory, from whatever address its retry comes', async () => {
    const at = await start({ world: { content: ['', '250 2.0.0 second'] } });
    const first = await at.client('Exchange Online', '127.0.0.9');
    await first.command(`MAIL FROM:<${JOHN}>`);
    await first.command('RCPT TO:<bob@world.example>');
    await first.command('DATA');
    first.write(`${message(ONE)}.\r\n`);
    await at.world.until(() => at.world.conversations[0]?.contents.length === 1);
    first.destroy();
    at.world.conversations[0]?.say('250 2.0.0 first\r\n');
    await expect.poll(() => at.metric('isthmus_client_gone_after_dot_total')).toBe(1);
    const again = await at.client('Exchange Online', '127.0.0.10');
    expect((await again.send(JOHN, ['bob@world.example'], message(ONE))).text).toMatch(/delivered before$/);
    expect(contents(at.world)).toHaveLength(1);
    await again.quit();
  });

  it('has its mail signed, and a stranger that calls himself the same has not', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const at = await start({ dkimKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string });
    const client = await at.client();
    for (const id of [ONE, FOREIGN]) {
      expect((await client.send(JOHN, ['mary@shared.example'], message(id))).code).toBe(250);
    }
    const [signed, unsigned] = contents(at.tenant2);
    expect(signed).toMatch(/^DKIM-Signature: [^]*? d=shared\.example;/m);
    expect(unsigned).not.toContain('DKIM-Signature');
    const sent = at.lines().filter(({ event }) => event === 'SEND');
    expect(sent.map(({ clientTenant }) => clientTenant)).toEqual(['tenant1', undefined]);
    await client.quit();
  });

  it('has its journal reports delivered octet for octet, with the sender as he came', async () => {
    const at = await start();
    const client = await at.client();
    const report = message(ONE, ['X-MS-Journal-Report:', 'X-MS-Exchange-Organization-AuthAs: Internal']);
    expect((await client.send(JOHN, ['archive@world.example'], report)).code).toBe(250);
    expect(commands(at.world)).toContain(`MAIL FROM:<${JOHN}>`);
    expect(contents(at.world)).toEqual([`${report}.\r\n`]);
    await client.quit();
  });

  it('has its journal reports asked for again when the next hop had heard the shared address', async () => {
    const at = await start();
    const client = await at.client();
    const report = message(ONE, ['X-MS-Journal-Report:']);
    await client.command(`MAIL FROM:<${JOHN}> XOORG=tenant1.onmicrosoft.example`);
    await client.command('RCPT TO:<archive@world.example>');
    expect((await client.data(report)).code).toBe(250);
    const told = at.world.conversations.flatMap(({ transactions }) => transactions);
    expect(told.map(({ content }) => content)).toEqual([`${report}.\r\n`]);
    expect(commands(at.world).filter((line) => line.startsWith('MAIL'))).toEqual([
      'MAIL FROM:<john@shared.example>',
      `MAIL FROM:<${JOHN}>`,
    ]);
    await client.quit();
  });

  it('cannot pass for another tenant’s own mail by calling it a journal report', async () => {
    const at = await start();
    const client = await at.client();
    const forged = message(ONE, ['X-MS-Journal-Report:', 'X-MS-Exchange-CrossPremises-AuthAs: Internal']);
    expect((await client.send(JOHN, ['mary@shared.example'], forged)).code).toBe(250);
    const [content] = contents(at.tenant2);
    expect(content).toContain(JOHN);
    expect(content).not.toMatch(/AuthAs|CrossTenant/i);
    await client.quit();
  });

  it('alone may send evidence: a stranger’s journal report is mail like any other', async () => {
    const at = await start();
    const client = await at.client('clear text', OUTSIDE);
    const report = message(undefined, ['X-MS-Journal-Report:']);
    expect((await client.send('eve@world.example', ['mary@shared.example'], report)).code).toBe(250);
    expect(contents(at.tenant2)[0]).toMatch(/^Received: /);
    await client.quit();
  });
});

describe('a bounce without the id', () => {
  it('waits, and the log says so', async () => {
    const at = await start();
    const client = await at.client();
    expect((await client.send('', ['mary@shared.example'], message(undefined))).text).toMatch(/^451 4\.7\.1 /);
    expect(at.lines().find(({ level }) => level === 'warn')?.msg).toMatch(/^mail of Exchange Online waits: /);
    await client.quit();
  });
});

it('connections with the certificate of Exchange Online do not count as their address’s', async () => {
  const at = await start({ parts: { limits: { connectionsPerClient: 2 } } });
  const many = [await at.client(), await at.client(), await at.client(), await at.client()];
  for (const client of many) expect((await client.command('NOOP')).code).toBe(250);
  const plain = [await at.client('clear text'), await at.client('clear text')];
  await expect(at.client('clear text')).rejects.toThrow(/closed/);
  for (const client of [...many, ...plain]) await client.quit();
  await expect.poll(() => at.metric('isthmus_smtp_connections')).toBe(0);
  const later = await at.client('clear text');
  await later.quit();
});
