import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Body, ReceivedMessage } from '../../../relay/core/message.ts';
import { reply } from '../../../relay/core/reply.ts';
import { BodyMemory } from '../../../relay/smtp/body-memory.ts';
import { ContentRefused, ContentStream } from '../../../relay/smtp/content-stream.ts';
import { receiveMessage } from '../../../relay/smtp/receive.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-spool-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** No large body finds room. */
const NO_MEMORY = new BodyMemory(0);

function receive(content: Readable, headerBytes = 1000, spoolFolder = folder, memory = NO_MEMORY) {
  return receiveMessage(content, { limits: { headerBytes }, spool: { folder: spoolFolder }, memory });
}

async function received(parts: readonly (string | Buffer)[], memory = NO_MEMORY): Promise<ReceivedMessage> {
  const chunks = parts.map((part) => Buffer.from(part as string, 'latin1')).filter((part) => part.length > 0);
  const result = await receive(Readable.from(chunks, { objectMode: false }), 1000, folder, memory);
  if (!result.ok) throw new Error(result.reply.text);
  return result.message;
}

async function read(body: Body): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of body.chunks()) parts.push(part);
  return Buffer.concat(parts);
}

/** RFC 6376 §3.4.4, word for word. */
function relaxedHash(body: string): string {
  const lines = body
    .replaceAll(/[ \t]+(?=\r\n)/g, '')
    .replaceAll(/[ \t]+/g, ' ')
    .replace(/(?:\r\n)+$/, '');
  return createHash('sha256')
    .update(lines === '' ? '' : `${lines}\r\n`, 'latin1')
    .digest('hex');
}

function cut(text: string, at: readonly number[]): string[] {
  const places = [0, ...at.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length];
  return places.slice(1).map((end, index) => text.slice(places[index], end));
}

describe('header section and body', () => {
  test.each([
    ['both', 'A: 1\r\nB: 2\r\n\r\nbody\r\n', 'A: 1\r\nB: 2\r\n', true, 'body\r\n'],
    ['no body', 'A: 1\r\n\r\n', 'A: 1\r\n', true, ''],
    ['header fields alone', 'A: 1\r\nB: 2\r\n', 'A: 1\r\nB: 2\r\n', false, ''],
    ['no header fields', '\r\nbody\r\n\r\nmore\r\n', '', true, 'body\r\n\r\nmore\r\n'],
    ['a body that begins with empty lines', 'A: 1\r\n\r\n\r\n\r\nbody\r\n', 'A: 1\r\n', true, '\r\n\r\nbody\r\n'],
    ['nothing at all', '', '', false, ''],
  ])('are told apart: %s', async (_title, content, header, hasSeparator, body) => {
    const message = await received([content]);
    expect(Buffer.from(message.headerSection).toString('latin1')).toBe(header);
    expect(message.hasSeparator).toBe(hasSeparator);
    expect((await read(message.body)).toString('latin1')).toBe(body);
    expect(message.bareLineEndings).toBe(0);
  });

  test('stay the same however the content is cut, with bare line endings made CRLF and counted', async () => {
    const text = fc.array(fc.constantFrom('\r\n', '\r', '\n', ' ', '\t', 'a', 'B: c', '\u00e9', '.'), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(200), { maxLength: 6 }), async (words, places) => {
        // Content that ends at CRLF.CRLF ends in CRLF.
        const content = `${words.join('')}\r\n`;
        const whole = content.replaceAll(/\r\n|\r|\n/g, '\r\n');
        const bare = (content.replaceAll('\r\n', '').match(/[\r\n]/g) ?? []).length;
        const end = whole.startsWith('\r\n') ? 0 : whole.indexOf('\r\n\r\n') + 2;
        const split = end > 1 || whole.startsWith('\r\n');
        const header = split ? whole.slice(0, end) : whole;
        const body = split ? whole.slice(end + 2) : '';

        const message = await received(cut(content, places));
        expect(Buffer.from(message.headerSection).toString('latin1')).toBe(header);
        expect((await read(message.body)).toString('latin1')).toBe(body);
        expect(message).toMatchObject({ hasSeparator: split, bareLineEndings: bare });
        expect(message.header8bit).toBe(header.includes('\u00e9'));
        expect(message.body8bit).toBe(body.includes('\u00e9'));
        expect(message.body.size).toBe(body.length);
        expect(Buffer.from(await message.body.relaxedHash()).toString('hex')).toBe(relaxedHash(body));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a large body', () => {
  const line = `${'0123456789'.repeat(7)} \t end\n`;
  const body = line.repeat(12_000);
  const whole = body.replaceAll('\n', '\r\n');

  test('waits in a file without a name, and reads the same again and again', async () => {
    const message = await received(
      cut(
        `A: 1\r\n\r\n${body}`,
        Array.from({ length: 40 }, (_, at) => at * 23_456),
      ),
    );
    expect(message.body.memory).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
    const [first, second] = await Promise.all([read(message.body), read(message.body)]);
    expect(first.equals(Buffer.from(whole))).toBe(true);
    expect(second.equals(first)).toBe(true);
    expect(message.body.size).toBe(whole.length);
    expect(message.bareLineEndings).toBe(12_000);
    expect(Buffer.from(await message.body.relaxedHash()).toString('hex')).toBe(relaxedHash(whole));
    message.dispose();
    message.dispose();
  });

  test('is still read to its end by whoever began before it was given back', async () => {
    const message = await received([`A: 1\r\n\r\n${whole}`]);
    const chunks = message.body.chunks()[Symbol.asyncIterator]();
    const parts = [(await chunks.next()).value as Uint8Array];
    message.dispose();
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) parts.push(next.value);
    expect(Buffer.concat(parts).length).toBe(whole.length);
    await expect(read(message.body)).rejects.toThrow('given back');
  });

  test('of 256 KiB stays in memory', async () => {
    const message = await received([`A: 1\r\n\r\n`, 'x'.repeat(256 * 1024 - 2), '\r\n']);
    expect(Buffer.concat(message.body.memory ?? []).length).toBe(256 * 1024);
  });

  test('stays in memory while there is room for it, and gives it back', async () => {
    const memory = new BodyMemory(whole.length * 2 - 1);
    const parts = [`A: 1\r\n\r\n`, ...cut(whole, [100, 105, 5_000, 300_000, 300_001, 600_000])];
    const first = await received(parts, memory);
    const second = await received(parts, memory);
    expect(second.body.memory).toBeUndefined();
    expect(Buffer.concat(first.body.memory ?? []).equals(Buffer.from(whole))).toBe(true);
    expect(Buffer.from(first.body.digest()).equals(second.body.digest())).toBe(true);
    expect(Buffer.from(await first.body.relaxedHash()).toString('hex')).toBe(relaxedHash(whole));
    first.dispose();
    first.dispose();
    await expect(read(first.body)).rejects.toThrow('given back');
    expect((await received(parts, memory)).body.memory).toBeDefined();
    expect((await received(parts, memory)).body.memory).toBeUndefined();
  });

  test('of a client that leaves gives its memory back', async () => {
    const memory = new BodyMemory(whole.length);
    const content = new ContentStream();
    const result = receive(content, 1000, folder, memory);
    content.give(Buffer.from(`A: 1\r\n\r\n${whole}`), () => content.destroy(new Error('gone')));
    expect((await result).ok).toBe(false);
    expect((await received([`A: 1\r\n\r\n`, whole], memory)).body.memory).toBeDefined();
  });

  test('in the smallest pieces is gathered', async () => {
    const text = 'ab\r\n'.repeat(5_000);
    const message = await received([`A: 1\r\n\r\n`, ...(text.match(/../gs) as string[])]);
    expect(Buffer.concat(message.body.memory ?? []).toString()).toBe(text);
    expect(message.body.memory?.length).toBeLessThan(4);
  });

  test('is deferred when its folder cannot take it, and the rest is drained', async () => {
    const content = Readable.from([Buffer.from(`A: 1\r\n\r\n${whole}`), Buffer.from('more\r\n')], {
      objectMode: false,
    });
    const result = await receive(content, 1000, join(folder, 'missing'));
    expect(result).toMatchObject({
      ok: false,
      reply: { code: 452, enhancedStatus: '4.3.1' },
      cause: { code: 'ENOENT' },
    });
    content.resume();
    await new Promise((resolve) => content.once('close', resolve));
    expect(content.readableEnded).toBe(true);
  });
});

describe('a message is refused', () => {
  test.each([
    ['with a blank line after them', `A: ${'x'.repeat(995)}\r\n\r\nbody\r\n`, true],
    ['without one', `A: ${'x'.repeat(995)}\r\n`, true],
    ['one octet above the limit', `A: ${'x'.repeat(996)}\r\n\r\nbody\r\n`, false],
    ['above it, without a blank line', `A: ${'x'.repeat(996)}\r\n`, false],
    ['a body that looks like header fields', `A: 1\r\n\r\n${'B: 2\r\n'.repeat(1000)}`, true],
  ])('when its header fields are too big: %s', async (_title, content, accepted) => {
    const result = await receive(Readable.from([Buffer.from(content)]));
    expect(result.ok ? undefined : result.reply).toEqual(
      accepted ? undefined : reply(552, '5.3.4', 'Header section too big'),
    );
  });

  test('with the front’s own reply when the front refused it', async () => {
    const content = new Readable({ read: () => undefined });
    const result = receive(content);
    content.push('A: 1\r\n');
    content.destroy(new ContentRefused(reply(552, '5.3.4', 'Message too big')));
    expect(await result).toEqual({ ok: false, reply: reply(552, '5.3.4', 'Message too big') });
  });

  test('with the front’s own reply, however late it is read', async () => {
    const content = new ContentStream();
    content.destroy(new ContentRefused(reply(552, '5.3.4', 'Message too big')));
    await new Promise((resolve) => content.once('close', resolve));
    expect(await receive(content)).toEqual({ ok: false, reply: reply(552, '5.3.4', 'Message too big') });
  });

  test.each([
    ['with an error', new Error('gone')],
    ['without one', undefined],
  ])('when the client leaves, %s', async (_title, error) => {
    const content = new Readable({ read: () => undefined });
    const result = receive(content);
    content.push('A: 1\r\n\r\nhalf of it\r\n');
    content.destroy(error);
    expect(await result).toMatchObject({ ok: false, reply: { code: 451 } });
  });

  test('when the client leaves in the middle of a large body', async () => {
    const content = new Readable({ read: () => undefined });
    const result = receive(content);
    content.push(`A: 1\r\n\r\n${'x'.repeat(400_000)}`);
    await new Promise((resolve) => content.once('pause', resolve));
    content.destroy(new Error('gone'));
    expect(await result).toMatchObject({ ok: false, reply: { code: 451 } });
    await expect.poll(() => readdirSync(folder)).toEqual([]);
  });
});
