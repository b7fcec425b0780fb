import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Reply } from '../../../relay/core/reply.ts';
import { REPLY_LIMIT, ReplyReader } from '../../../relay/next-hop/reply-reader.ts';

function read(...chunks: readonly (string | Buffer)[]): { replies: Reply[]; broken: string | undefined } {
  const reader = new ReplyReader();
  const replies: Reply[] = [];
  for (const chunk of chunks) {
    reader.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    for (let reply = reader.next(); reply !== undefined; reply = reader.next()) replies.push(reply);
  }
  return { replies, broken: reader.broken };
}

describe('replies', () => {
  test.each<[string, Reply]>([
    ['250 2.1.5 OK\r\n', { code: 250, enhancedStatus: '2.1.5', text: 'OK' }],
    ['250 OK\r\n', { code: 250, enhancedStatus: undefined, text: 'OK' }],
    ['250\r\n', { code: 250, enhancedStatus: undefined, text: '' }],
    ['250 \r\n', { code: 250, enhancedStatus: undefined, text: '' }],
    ['250 2.0.0\r\n', { code: 250, enhancedStatus: '2.0.0', text: '' }],
    ['354 go\n', { code: 354, enhancedStatus: undefined, text: 'go' }],
    ['550 5.7.606 Access denied\r\n', { code: 550, enhancedStatus: '5.7.606', text: 'Access denied' }],
    ['550 4.1.1 classes differ\r\n', { code: 550, enhancedStatus: undefined, text: '4.1.1 classes differ' }],
    ['550 5.1.1234 no status\r\n', { code: 550, enhancedStatus: undefined, text: '5.1.1234 no status' }],
    ['550-5.1.1 one\r\n550-5.1.1 two\r\n550 5.1.1\r\n', { code: 550, enhancedStatus: '5.1.1', text: 'one\ntwo\n' }],
    ['550-5.1.1 one\r\n550 two\r\n', { code: 550, enhancedStatus: '5.1.1', text: 'one\ntwo' }],
    ['250-a\r\n250-b\r\n250 c\r\n', { code: 250, enhancedStatus: undefined, text: 'a\nb\nc' }],
    ['550 5.1.1 Größe\r\n', { code: 550, enhancedStatus: '5.1.1', text: 'Größe' }],
    ['550 a\rb\u0000c\u001b[0m\r\n', { code: 550, enhancedStatus: undefined, text: 'a?b?c?[0m' }],
  ])('%j is understood', (text, expected) => {
    expect(read(text)).toEqual({ replies: [expected], broken: undefined });
  });

  test.each([
    ['hello\r\n', /no SMTP reply/],
    ['\r\n', /no SMTP reply/],
    ['25\r\n', /no SMTP reply/],
    ['25x OK\r\n', /no SMTP reply/],
    ['2500 OK\r\n', /no SMTP reply/],
    ['250OK\r\n', /no SMTP reply/],
    ['199 OK\r\n', /no SMTP reply/],
    ['600 OK\r\n', /no SMTP reply/],
    [' 250 OK\r\n', /no SMTP reply/],
    ['２５０ OK\r\n', /no SMTP reply/],
    ['250-a\r\n550 b\r\n', /different codes: 250 and 550/],
    ['HTTP/1.1 400 Bad Request\r\n', /no SMTP reply/],
  ])('%j is refused', (text, expected) => {
    const { replies, broken } = read(text);
    expect(replies).toEqual([]);
    expect(broken).toMatch(expected);
  });

  test('several replies in one piece are told one after the other', () => {
    const { replies } = read('250 one\r\n250-two\r\n250 more\r\n354 three\r\n');
    expect(replies.map((reply) => reply.text)).toEqual(['one', 'two\nmore', 'three']);
  });

  test('they mean the same wherever the network cuts them', () => {
    const text = Buffer.from('220 peer\r\n250-a\r\n250-5.1.1 b\r\n250 c\r\n550 5.1.1 Größe\r\n354 go\r\n');
    const whole = read(text);
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 20 }), (cuts) => {
        const borders = [0, ...cuts.sort((a, b) => a - b), text.length];
        const chunks = borders.slice(1).map((end, index) => text.subarray(borders[index], end));
        expect(read(...chunks.filter((chunk) => chunk.length > 0))).toEqual(whole);
      }),
    );
  });

  test('an unfinished reply is noticed', () => {
    for (const rest of ['2', '250 O', '250-a\r\n']) {
      const reader = new ReplyReader();
      reader.push(Buffer.from(`220 ok\r\n${rest}`));
      expect([reader.next()?.code, reader.next(), reader.hasRest]).toEqual([220, undefined, true]);
    }
  });
});

describe('a reply without end', () => {
  test.each([
    ['one line', () => Buffer.alloc(1000, 'x'), '250 '],
    ['lines', () => Buffer.from('250-again and again\r\n'.repeat(50)), ''],
    ['single octets', () => Buffer.from('x'), '250 '],
  ])('of %s is given up at the limit', (_what, chunk, begin) => {
    const reader = new ReplyReader();
    let octets = begin.length;
    if (begin !== '') reader.push(Buffer.from(begin));
    expect(reader.next()).toBeUndefined();
    while (reader.broken === undefined && octets < 2 * REPLY_LIMIT) {
      const piece = chunk();
      octets += piece.length;
      reader.push(piece);
      expect(reader.next()).toBeUndefined();
    }
    expect(reader.broken).toMatch(/longer than 65536 octets/);
    expect(octets).toBeLessThan(REPLY_LIMIT + 2000);
  });

  test('the limit is one reply’s, not a connection’s', () => {
    const reply = `250 ${'x'.repeat(500)}\r\n`;
    expect(read(...Array.from({ length: 300 }, () => reply)).replies).toHaveLength(300);
    const half = Math.floor(reply.length / 2);
    const halves = Array.from({ length: 300 }, () => [reply.slice(0, half), reply.slice(half)]).flat();
    expect(read(...halves).replies).toHaveLength(300);
  });
});
