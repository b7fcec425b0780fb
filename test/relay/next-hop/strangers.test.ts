import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MessageContent } from '../../../relay/core/message.ts';
import { startPostfix } from '../../support/postfix.ts';
import { startSmtpSink } from '../../support/smtp-sink.ts';
import { claimOf, message, sending, sendOne, soon, tenantHop, told } from './sending.ts';

/** A body in a file, as the relay keeps large ones. */
function fileMessage(body: Buffer): MessageContent {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-content-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'body');
  writeFileSync(path, body);
  const inMemory = message('');
  const chunks = (): AsyncIterable<Uint8Array> => createReadStream(path);
  return { ...inMemory, body: { ...inMemory.body, size: body.length, memory: undefined, chunks } };
}

/** What lies in a maildir, with the line ends of the network. */
function bodyOf(text: string): string {
  return text.slice(text.indexOf('\n\n') + 2).replaceAll('\n', '\r\n');
}

const MAILBOXES = ['john@tenant1.example', 'mary@tenant1.example'];

describe('Postfix as next hop', () => {
  test('takes what it knows, refuses whom it does not know, and has every octet', async () => {
    const postfix = await startPostfix({ mailboxes: MAILBOXES });
    onTestFinished(() => postfix.stop());
    const nextHops = sending({ hop: tenantHop(postfix.port) });
    const claim = claimOf(nextHops, { size: 1000 });
    expect(told(await claim.recipient('john@tenant1.example'))).toMatch(/^250 2\.1\.5 /);
    expect(told(await claim.recipient('nobody@tenant1.example'))).toMatch(/^rcpt: 550 5\.1\.1 /);
    expect(told(await claim.recipient('mary@tenant1.example'))).toMatch(/^250 2\.1\.5 /);
    const body = '.\r\n..\r\n.dot\r\n\r\n\r\n.\r\nlast';
    expect(told(await claim.deliver(message(body), soon()))).toMatch(/^250 2\.0\.0 /);
    for (const mailbox of MAILBOXES) {
      const [mail] = await postfix.waitForMail(mailbox);
      expect(bodyOf(mail?.text ?? '')).toBe(`${body}\r\n`);
    }
  });

  test('has every octet of a large message from a file, through back-pressure', async () => {
    const postfix = await startPostfix({ mailboxes: MAILBOXES });
    onTestFinished(() => postfix.stop());
    const lines = Array.from(
      { length: 150_000 },
      (_, index) => `${index % 3 === 0 ? '.' : ''}${index}${'x'.repeat(60)}`,
    );
    const body = Buffer.from(`${lines.join('\r\n')}\r\n`);
    const claim = claimOf(sending({ hop: tenantHop(postfix.port) }));
    await claim.recipient('john@tenant1.example');
    expect(told(await claim.deliver(fileMessage(body), soon()))).toMatch(/^250 2\.0\.0 /);
    const [mail] = await postfix.waitForMail('john@tenant1.example');
    expect(Buffer.from(bodyOf(mail?.text ?? ''), 'latin1').equals(body)).toBe(true);
  });

  test('that takes 3 recipients a transaction is played to again with all that it took, and no others', async () => {
    const postfix = await startPostfix({ mailboxes: MAILBOXES, settings: { smtpd_recipient_limit: '3' } });
    onTestFinished(() => postfix.stop());
    const claim = claimOf(sending({ hop: tenantHop(postfix.port), durations: { claim: 1 } }));
    const answers: string[] = [];
    for (let count = 0; count < 4; count += 1) answers.push(told(await claim.recipient('john@tenant1.example')));
    expect(answers.slice(0, 3).every((answer) => answer.startsWith('250 '))).toBe(true);
    expect(answers[3]).toMatch(/^rcpt: 452 4\.5\.3 /);
    expect(told(await claim.deliver(message(), soon()))).toMatch(/^250 2\.0\.0 /);
    await postfix.waitForMail('john@tenant1.example');
  });

  test('that restarts between two messages loses none', async () => {
    const first = await startPostfix({ mailboxes: MAILBOXES });
    const nextHops = sending({ hop: tenantHop(first.port) });
    expect(await sendOne(nextHops)).toMatch(/^250 2\.0\.0 /);
    await first.waitForMail('john@tenant1.example');
    await first.stop();
    const second = await startPostfix({ mailboxes: MAILBOXES, port: first.port });
    onTestFinished(() => second.stop());
    expect(await sendOne(nextHops)).toMatch(/^250 2\.0\.0 /);
    await second.waitForMail('john@tenant1.example');
  });
});

describe('smtp-sink as next hop', () => {
  test('gets 2,000 messages over 20 connections, each once and whole', async () => {
    const sink = await startSmtpSink({ keep: true });
    onTestFinished(() => sink.stop());
    const nextHops = sending({ hop: tenantHop(sink.port) });
    let next = 0;
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        while (next < 2000) {
          next += 1;
          expect(await sendOne(nextHops, `user${next}@tenant1.example`, message(`number ${next}.\r\n`))).toMatch(
            /^250 /,
          );
        }
      }),
    );
    const numbers = sink.transactions().map((text) => Number(/number (\d+)\.\r?\n/.exec(text)?.[1]));
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 2000 }, (_, index) => index + 1));
    expect(nextHops.connections()).toContainEqual({ name: 'tenant1', open: 20, idle: 20, waiting: 0 });
  });

  test.each([
    [['-f', 'ehlo'], /^250 /],
    [['-r', 'mail'], /^mail: 450 /],
    [['-r', 'rcpt'], /^rcpt: 450 /],
    [['-f', 'rcpt'], /^rcpt: 500 /],
    [['-r', 'data'], /^data: 450 /],
    [['-r', '.'], /^content: 450 /],
    [['-f', '.'], /^content: 500 /],
    [['-q', 'mail'], /^mail: nothing/],
    [['-q', '.'], /^content: nothing/],
    [['-Q', 'rcpt'], /^rcpt: 421 /],
    [['-p', '-8'], /^250 /],
    [['-e'], /^250 /],
  ])('with %j', async (args, expected) => {
    const sink = await startSmtpSink({ args });
    onTestFinished(() => sink.stop());
    expect(await sendOne(sending({ hop: tenantHop(sink.port) }))).toMatch(expected);
  });
});

test('a file body that comes in little pieces arrives whole', async () => {
  const sink = await startSmtpSink({ keep: true });
  onTestFinished(() => sink.stop());
  const claim = claimOf(sending({ hop: tenantHop(sink.port) }));
  await claim.recipient('john@tenant1.example');
  const plain = message('');
  async function* chunks() {
    for (const piece of ['a\r', '\n', '.', 'b\r\n']) {
      yield Buffer.from(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const content = { ...plain, body: { ...plain.body, size: 7, memory: undefined, chunks } };
  expect(told(await claim.deliver(content, soon()))).toMatch(/^250 /);
  expect(sink.transactions()[0]).toMatch(/\n\r?\na\r?\n\.b\r?\n/);
});
