/** The ground the other tests stand on: the foreign programs start, do their part and leave nothing behind. */

import { existsSync, rmSync } from 'node:fs';
import { Resolver } from 'node:dns/promises';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { certificateFolder } from './certificates.ts';
import { answers, start } from './child-process.ts';
import { startDnsServer } from './dns-server.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { RawSmtp } from './raw-smtp.ts';
import { startSmtpSink } from './smtp-sink.ts';
import { smtpSource } from './smtp-source.ts';
import { swaks } from './swaks.ts';

describe('Postfix', () => {
  it('sends, receives into a mailbox, refuses who is unknown, and leaves nothing when stopped', async () => {
    const nextHop = await startPostfix({ mailboxes: ['john@tenant1.example'] });
    onTestFinished(() => nextHop.stop());
    const sender = await startPostfix({ relayHost: { host: nextHop.address, port: nextHop.port } });
    onTestFinished(() => sender.stop());
    await sender.submit('mary@tenant2.example', ['john@tenant1.example'], 'Subject: hello\n\n.dot\n');
    const [mail] = await nextHop.waitForMail('john@tenant1.example');
    expect(mail?.text).toContain('Return-Path: <mary@tenant2.example>');
    expect(mail?.text).toContain('\n\n.dot\n');
    await nextHop.waitForLog(/status=sent \(delivered to maildir\)/);
    const refused = await swaks(nextHop.address, nextHop.port, ['--from', 'a@b.example', '--to', 'x@tenant1.example']);
    expect(refused.code).toBe(24);
    expect(refused.replies.join('\n')).toContain('550 5.1.1');
    await nextHop.stop();
    expect(await answers(nextHop.address, nextHop.port)).toBe(false);
    expect(existsSync(nextHop.directory)).toBe(false);
  });

  it('queues what cannot be delivered', async () => {
    const sink = await startSmtpSink({ args: ['-r', 'rcpt'] });
    onTestFinished(() => sink.stop());
    const sender = await startPostfix({ relayHost: sink });
    onTestFinished(() => sender.stop());
    await sender.submit('a@b.example', ['c@d.example'], 'Subject: x\n\n');
    await sender.waitForLog(/status=deferred/);
    expect(await sender.queue()).toMatchObject([{ queue_name: 'deferred', sender: 'a@b.example' }]);
  });

  it('as a before-queue proxy asks the next server before it answers', async () => {
    const sink = await startSmtpSink({ keep: true });
    onTestFinished(() => sink.stop());
    const proxy = await startPostfix({ proxyTo: sink, relay: { domains: ['d.example'], to: sink } });
    onTestFinished(() => proxy.stop());
    const addresses = { from: 'a@b.example', to: 'c@d.example' };
    const sent = await smtpSource({ host: proxy.address, port: proxy.port, ...addresses, messages: 6, sessions: 2 });
    expect(sent).toMatchObject({ code: 0, stderr: '' });
    expect(sink.transactions()).toHaveLength(6);
    expect(await proxy.queue()).toEqual([]);
  });
});

describe('what a test started', () => {
  it('ends when the test is killed', async () => {
    const source = `
      import { startPostfix } from '${join(import.meta.dirname, 'postfix.ts')}';
      const { address, port, directory } = await startPostfix();
      console.log(JSON.stringify({ address, port, directory }));
      setInterval(() => undefined, 1000);`;
    const test = start(process.execPath, ['--input-type=module-typescript', '--eval', source]);
    const [started] = await test.waitForOutput(/^\{.*\}$/m);
    const { address, port, directory } = JSON.parse(started) as Postfix;
    onTestFinished(() => rmSync(directory, { recursive: true }));
    expect(await answers(address, port)).toBe(true);
    await test.stop('SIGKILL');
    await expect.poll(() => answers(address, port), { timeout: 20_000 }).toBe(false);
  });
});

describe('certificates', () => {
  it('carry the names, purposes and dates they were asked for, and Postfix checks them', async () => {
    const folder = certificateFolder();
    onTestFinished(() => folder.remove());
    const authority = await folder.authority('Test authority');
    const server = await authority.issue({ names: ['mx.example', '127.0.0.1'], usage: ['serverAuth'] });
    const dates = { notBefore: new Date('2020-01-01'), notAfter: new Date('2021-01-01') };
    const old = new X509Certificate(
      (await authority.issue({ names: ['old.example'], keyType: 'RSA', ...dates })).certificate,
    );
    expect(old.validToDate).toEqual(dates.notAfter);
    expect(old.subjectAltName).toBe('DNS:old.example');
    expect(old.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    const tls = { certificate: server.certificateFile, key: server.keyFile, ca: authority.certificateFile };
    const postfix = await startPostfix({ tls, mailboxes: ['john@tenant1.example'] });
    onTestFinished(() => postfix.stop());
    const client = await authority.issue({ names: ['client.example'], usage: ['clientAuth'] });
    const smtp = await RawSmtp.greeted(postfix.address, postfix.port);
    await smtp.startTls({
      ca: authority.certificate,
      servername: 'mx.example',
      cert: client.certificate,
      key: client.key,
    });
    expect(smtp.tls?.authorized).toBe(true);
    expect((await smtp.send('a@b.example', ['john@tenant1.example'], 'Subject: x\r\n\r\n')).code).toBe(250);
    expect((await postfix.waitForMail('john@tenant1.example'))[0]?.text).toContain('verified OK');
    await smtp.quit();
  });
});

describe('the DNS server', () => {
  it('answers for its zones, says no such name, and fails for a broken zone', async () => {
    const zones = { 'shared.example': '@ MX 10 mx\nmx A 198.51.100.7', 'broken.example': 'broken' };
    const server = await startDnsServer({ zones });
    onTestFinished(() => server.stop());
    const resolver = new Resolver();
    resolver.setServers([server.at]);
    expect(await resolver.resolveMx('shared.example')).toMatchObject([{ exchange: 'mx.shared.example', priority: 10 }]);
    await expect(resolver.resolveMx('none.shared.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolveMx('broken.example')).rejects.toMatchObject({ code: 'ESERVFAIL' });
    await expect(resolver.resolveMx('elsewhere.example')).rejects.toMatchObject({ code: 'EREFUSED' });
  });
});
