import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assertPath, assertWord, mailCommand, recipientCommand } from '../../../relay/next-hop/commands.ts';
import { type Extensions, NO_EXTENSIONS, parseExtensions } from '../../../relay/next-hop/extensions.ts';

describe('paths', () => {
  test.each([
    [''],
    ['john@tenant1.example'],
    ["o'neil+tag=x@tenant1.example"],
    ['"john smith"@tenant1.example'],
    ['"a>b <c> \\" d"@tenant1.example'],
    ['jörg@bücher.example'],
    ['postmaster'],
    ['user@[192.0.2.1]'],
  ])('%j may be written', (path) => {
    expect(() => assertPath(path)).not.toThrow();
  });

  test.each([
    ['a@b.example>\r\nRCPT TO:<c@d.example'],
    ['a@b.example\nDATA'],
    ['a@b.example\rDATA'],
    ['a@b.example\u0000'],
    ['a@b.example\u007f'],
    ['a@b.example> SIZE=1'],
    ['a@b.example>'],
    ['<a@b.example'],
    ['a b@c.example'],
    ['"a b@c.example'],
    ['"a\r\nb"@c.example'],
    ['a"> NOTIFY=NEVER"b@c.example'],
    ['"a"@b.example> X="c"@d.example'],
    ['"a" b@c.example'],
  ])('%j may not', (path) => {
    expect(() => assertPath(path)).toThrow(/not a path/);
  });

  test('whatever passes stays inside one pair of angle brackets on one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (path) => {
        try {
          assertPath(path);
        } catch {
          return;
        }
        const line = recipientCommand(path);
        expect(line.indexOf('\r')).toBe(line.length - 2);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(line).not.toContain('\u0000');
        const unquoted = line.replace(/^RCPT TO:<"(?:[^"\\]|\\[^])*"/, 'RCPT TO:<');
        expect(unquoted.indexOf('>')).toBe(unquoted.length - 3);
        expect(unquoted).not.toMatch(/<.* .*>/);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([['relay.example'], ['[192.0.2.1]']])('%j is a word', (word) => {
    expect(() => assertWord(word)).not.toThrow();
  });

  test.each([[''], ['a b'], ['a\r\nMAIL'], ['rélay.example']])('%j is none', (word) => {
    expect(() => assertWord(word)).toThrow(/not a word/);
  });
});

const ALL: Extensions = { ...NO_EXTENSIONS, size: true, eightBitMime: true, smtpUtf8: true };

describe('MAIL', () => {
  const plain = { reversePath: 'a@b.example', parameters: {}, eightBit: false, utf8: false, size: undefined };
  test.each([
    [{ ...plain, extensions: ALL }, 'MAIL FROM:<a@b.example>\r\n'],
    [{ ...plain, reversePath: '', extensions: ALL }, 'MAIL FROM:<>\r\n'],
    [{ ...plain, size: 5, extensions: ALL }, 'MAIL FROM:<a@b.example> SIZE=5\r\n'],
    [{ ...plain, size: 5, extensions: NO_EXTENSIONS }, 'MAIL FROM:<a@b.example>\r\n'],
    [{ ...plain, eightBit: true, extensions: ALL }, 'MAIL FROM:<a@b.example> BODY=8BITMIME\r\n'],
    [{ ...plain, eightBit: true, extensions: NO_EXTENSIONS }, 'MAIL FROM:<a@b.example>\r\n'],
    [
      { ...plain, eightBit: true, utf8: true, size: 5, extensions: ALL },
      'MAIL FROM:<a@b.example> SIZE=5 BODY=8BITMIME SMTPUTF8\r\n',
    ],
  ])('%j', (command, expected) => {
    expect(mailCommand(command)).toBe(expected);
  });
});

describe('EHLO', () => {
  const parse = (...lines: string[]) =>
    parseExtensions({ code: 250, enhancedStatus: undefined, text: ['peer.example', ...lines].join('\n') });

  test('keywords are read in any case, with their parameters', () => {
    expect(
      parse('pipelining', 'SIZE 1000', '8BitMime', 'SMTPUTF8', 'STARTTLS', 'AUTH plain LOGIN', 'AUTH=CRAM-MD5'),
    ).toEqual({
      pipelining: true,
      size: true,
      sizeLimit: 1000,
      eightBitMime: true,
      smtpUtf8: true,
      startTls: true,
      mechanisms: new Set(['PLAIN', 'LOGIN', 'CRAM-MD5']),
      recipientLimit: undefined,
      transactionLimit: undefined,
    });
  });

  test.each([
    ['SIZE', true, undefined],
    ['SIZE 0', true, undefined],
    ['SIZE x', true, undefined],
    ['SIZE 99999999999999999999', true, undefined],
    ['SIZE 104857600', true, 104857600],
    ['SIZES 5', false, undefined],
  ])('%s', (line, size, sizeLimit) => {
    expect(parse(line)).toMatchObject({ size, sizeLimit });
  });

  test('limits of RFC 9422 are read', () => {
    expect(parse('LIMITS MAILMAX=5 RCPTMAX=100 RCPTDOMAINMAX=1 NEW')).toMatchObject({
      recipientLimit: 100,
      transactionLimit: 5,
    });
    expect(parse('LIMITS RCPTMAX=0 MAILMAX=')).toMatchObject({
      recipientLimit: undefined,
      transactionLimit: undefined,
    });
  });

  test('the greeting line is no keyword', () => {
    expect(parseExtensions({ code: 250, enhancedStatus: undefined, text: 'STARTTLS' }).startTls).toBe(false);
  });
});
