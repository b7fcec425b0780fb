/** The whole path against strangers: Postfix writes, Postfix receives, and what lies between does what it promises. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startIsthmus, type Isthmus } from '../support/isthmus.ts';
import { type Postfix, startPostfix } from '../support/postfix.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { swaks } from '../support/swaks.ts';
import { FROM, twoTenants } from '../support/two-tenants.ts';

let tenant1: Postfix;
let tenant2: Postfix;
let world: Postfix;
let relay: Isthmus;

beforeAll(async () => {
  [tenant1, tenant2, world] = await Promise.all([
    startPostfix({
      hostname: 'mail.tenant1.example',
      mailboxes: ['john@tenant1.example', 'postmaster@tenant1.example'],
    }),
    startPostfix({ hostname: 'mail.tenant2.example', mailboxes: ['mary@tenant2.example', 'zoë@tenant2.example'] }),
    startPostfix({ hostname: 'mx.world.example', mailboxes: ['bob@world.example', 'eve@world.example'] }),
  ]);
  relay = await startIsthmus({
    manifests: twoTenants({ tenant1: tenant1.port, tenant2: tenant2.port, world: world.port }),
  });
});

afterAll(async () => {
  await relay?.stop();
  await Promise.all([tenant1, tenant2, world].map((postfix) => postfix?.stop()));
});

/** A Postfix that sends everything to the relay, from the address that makes it who it is. */
async function sender(localAddress: string): Promise<Postfix> {
  return startPostfix({
    hostname: 'out.example',
    relayHost: { host: relay.host, port: relay.port },
    settings: { smtp_bind_address: localAddress },
  });
}

function message(from: string, to: string, id: string, more = ''): string {
  return `From: ${from}\nTo: ${to}\n${more}Subject: test ${id}\nMessage-ID: <${id}@test.example>\nDate: Sun, 22 Nov 2026 06:00:00 +0000\n\nHello\n.\n..two\n`;
}

describe('Postfix to Isthmus to Postfix', () => {
  it("rewrites a tenant's mail to the world", async () => {
    const postfix = await sender(FROM.tenant1);
    try {
      const text = message('John <john@tenant1.example>', 'bob@world.example', 'out', 'Cc: mary@tenant2.example\n');
      await postfix.submit('john@tenant1.example', ['bob@world.example'], text);
      const [mail] = await world.waitForMail('bob@world.example');
      expect(mail?.text).toContain('Return-Path: <john@shared.example>\n');
      expect(mail?.text).toContain('From: John <john@shared.example>\n');
      expect(mail?.text).toContain('Cc: mary@shared.example\n');
      expect(mail?.text).not.toMatch(/@tenant/);
      expect(mail?.text).toMatch(/\n\nHello\n\.\n\.\.two\n$/);
      expect(mail?.text).toMatch(/Received: from out\.example \(\[127\.0\.0\.11\]\)\n/);
    } finally {
      await postfix.stop();
    }
  });

  it('delivers one message to both tenants, each exactly once, by the sender asking again', async () => {
    const postfix = await sender(FROM.world);
    try {
      const both = ['john@shared.example', 'mary@shared.example'];
      await postfix.submit('eve@world.example', both, message('eve@world.example', both.join(', '), 'both'));
      await postfix.waitForLog(/452 4\.5\.3/);
      // Postfix tries the deferred recipient at its next queue run; this is one.
      await postfix.flush();
      const [john] = await tenant1.waitForMail('john@tenant1.example');
      const [mary] = await tenant2.waitForMail('mary@tenant2.example');
      expect(john?.text).toContain('To: john@shared.example, mary@shared.example\n');
      expect(mary?.text).toContain('To: john@shared.example, mary@shared.example\n');
      expect(tenant1.mailbox('john@tenant1.example')).toHaveLength(1);
      expect(tenant2.mailbox('mary@tenant2.example')).toHaveLength(1);
    } finally {
      await postfix.stop();
    }
  });

  it("gives the next hop's own no to the sender before the message", async () => {
    const { transcript, code } = await swaks(relay.host, relay.port, [
      '--from',
      'eve@world.example',
      '--to',
      'nobody@shared.example',
    ]);
    expect(transcript).toMatch(/<\*\* 550 5\.1\.1 Recipient address rejected \([\w.]+\)/);
    expect(transcript).not.toMatch(/tenant2/);
    expect(code).not.toBe(0);
  });

  it('takes mail over STARTTLS and says so in its Received field', async () => {
    const { transcript } = await swaks(relay.host, relay.port, [
      '--from',
      'eve@world.example',
      '--to',
      'postmaster@shared.example',
      '--tls',
    ]);
    expect(transcript).toMatch(/<~ +250 2\.0\.0 OK/);
    const [mail] = await tenant1.waitForMail('postmaster@tenant1.example');
    expect(mail?.text).toMatch(/with ESMTPS\n \(version=TLSv1\.3 cipher=TLS_AES_256_GCM_SHA384\)/);
  });

  it('passes 8-bit content and SMTPUTF8 addresses on', async () => {
    const client = await RawSmtp.greeted(relay.host, relay.port, { localAddress: FROM.world });
    client.write(Buffer.from('MAIL FROM:<eve@world.example> BODY=8BITMIME SMTPUTF8\r\n'));
    expect((await client.read()).code).toBe(250);
    client.write(Buffer.from('RCPT TO:<zoë@shared.example>\r\n'));
    expect((await client.read()).code).toBe(250);
    expect((await client.command('DATA')).code).toBe(354);
    client.write(Buffer.from('From: eve@world.example\r\nSubject: Grüße\r\n\r\nzoë\r\n.\r\n'));
    expect((await client.read()).code).toBe(250);
    await client.quit();
    const [mail] = await tenant2.waitForMail('zoë@tenant2.example');
    expect(mail?.bytes.includes(Buffer.from('Subject: Grüße\n'))).toBe(true);
  });

  it('carries a large message byte by byte', async () => {
    const line = `${'x'.repeat(70)} æøå\r\n`;
    const body = Buffer.from(line.repeat(20_000) + '.\r\n..\r\n'.repeat(1000));
    const client = await RawSmtp.greeted(relay.host, relay.port, { localAddress: FROM.tenant2 });
    await client.command('MAIL FROM:<mary@tenant2.example> BODY=8BITMIME');
    await client.command('RCPT TO:<bob@world.example>');
    await client.command('DATA');
    client.write('Subject: large\r\nMessage-ID: <large@tenant2.example>\r\n\r\n');
    client.write(body.toString('latin1').replaceAll(/^\./gm, '..'));
    client.write('.\r\n');
    expect((await client.read()).code).toBe(250);
    await client.quit();
    const mails = await world.waitForMail('bob@world.example', 2);
    const large = mails.find(({ text }) => text.includes('<large@tenant2.example>'));
    const start = large?.bytes.indexOf('\n\n') ?? 0;
    expect(
      large?.bytes.subarray(start + 2).equals(Buffer.from(body.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')),
    ).toBe(true);
  });

  it('leaves tracking lines with original and rewritten addresses', async () => {
    const line = await relay.waitForLine({ event: 'SEND', messageId: '<out@test.example>' });
    expect(line).toMatchObject({
      clientTenant: 'tenant1',
      originalSender: 'john@tenant1.example',
      sender: 'john@shared.example',
      recipients: ['bob@world.example'],
    });
    expect(line['nextHopReply']).toMatch(/^250 2\.0\.0 Ok: queued/);
  });
});
