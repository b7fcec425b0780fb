import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatMailbox,
  isSubdomainOf,
  type Mailbox,
  mailboxKey,
  needsSmtputf8,
  parseMailbox,
  toAsciiDomain,
  utf8Length,
  withoutTag,
} from '../../../relay/core/address.ts';

const parsed = (text: string): Mailbox => {
  const result = parseMailbox(text);
  if (!result.ok) throw new Error(`${text} ${result.reason}`);
  return result.value;
};

describe('a mailbox is read', () => {
  test.each([
    ['john@example.com', 'john', 'example.com'],
    ['John.Smith@EXAMPLE.Com.', 'John.Smith', 'example.com'],
    ['.john..smith.@example.com', '.john..smith.', 'example.com'],
    ['"john smith"@example.com', 'john smith', 'example.com'],
    ['"a\\"b\\\\c"@example.com', 'a"b\\c', 'example.com'],
    ['"a@b"@example.com', 'a@b', 'example.com'],
    ['""@example.com', '', 'example.com'],
    ["o'neil+x=y/z!#$%&*?^_`{|}~-@example.com", "o'neil+x=y/z!#$%&*?^_`{|}~-", 'example.com'],
    ['jörg@bücher.example', 'jörg', 'xn--bcher-kva.example'],
    ['a@BÜCHER。Example', 'a', 'xn--bcher-kva.example'],
    ['a@ｅｘａｍｐｌｅ.com', 'a', 'example.com'],
    ['a@XN--BCHER-KVA.example', 'a', 'xn--bcher-kva.example'],
    ['a@faß.example', 'a', 'xn--fa-hia.example'],
    ['a@with_underscore.example', 'a', 'with_underscore.example'],
    ['a@0x7f.1', 'a', '0x7f.1'],
    ['a@[192.0.2.1]', 'a', '[192.0.2.1]'],
    ['a@[IPv6:2001:DB8::1]', 'a', '[IPv6:2001:DB8::1]'],
    [`${'x'.repeat(315)}@example.com`, 'x'.repeat(315), 'example.com'],
  ])('%s', (text, localPart, domain) => {
    expect(parsed(text)).toEqual({ localPart, domain });
  });
});

describe('no mailbox is made of', () => {
  test.each([
    ['', 'has no @'],
    ['postmaster', 'has no @'],
    ['@example.com', 'malformed local part'],
    ['john@', 'malformed domain'],
    ['a b@example.com', 'malformed local part'],
    ['a@b@example.com', 'malformed local part'],
    ['a,b@example.com', 'malformed local part'],
    ['<a@example.com', 'malformed local part'],
    ['"a@example.com', 'malformed local part'],
    ['"a"b@example.com', 'malformed local part'],
    ['"a"b"@example.com', 'malformed local part'],
    ['a\\b@example.com', 'malformed local part'],
    ['a\r\n@example.com', 'control character'],
    ['"a\nb"@example.com', 'control character'],
    ['"a\\\rb"@example.com', 'control character'],
    ['a\0@example.com', 'control character'],
    ['"\u0085"@example.com', 'control character'],
    ['a\ufffd@example.com', 'not UTF-8'],
    ['a\ud800@example.com', 'not UTF-8'],
    ['a@א1a.example', 'malformed domain'],
    ['a@x\u200dy.example', 'malformed domain'],
    ['a@exa mple.com', 'malformed domain'],
    ['a@example.com ', 'malformed domain'],
    ['a@example..com', 'malformed domain'],
    ['a@.example.com', 'malformed domain'],
    ['a@-example.com', 'malformed domain'],
    ['a@example-.com', 'malformed domain'],
    ['a@%41.com', 'malformed domain'],
    ['a@exa/mple.com', 'malformed domain'],
    ['a@ex\u0000ample.com', 'control character'],
    ['a@example.com\r\n', 'control character'],
    ['a@[192.0.2.1', 'malformed domain'],
    ['a@[192.0.2.1]x', 'malformed domain'],
    ['a@[1 2]', 'malformed domain'],
    [`a@${'x'.repeat(64)}.com`, 'malformed domain'],
    [`a@${'x.'.repeat(127)}x`, 'malformed domain'],
    [`${'x'.repeat(316)}@example.com`, 'above 315 octets'],
    [`${'ö'.repeat(158)}@example.com`, 'above 315 octets'],
  ])('%j', (text, reason) => {
    expect(parseMailbox(text)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });
});

test('quotes are written only where they must be', () => {
  expect(formatMailbox({ localPart: 'john.smith', domain: 'x.example' })).toBe('john.smith@x.example');
  expect(formatMailbox({ localPart: 'jörg', domain: 'x.example' })).toBe('jörg@x.example');
  expect(formatMailbox({ localPart: 'john smith', domain: 'x.example' })).toBe('"john smith"@x.example');
  expect(formatMailbox({ localPart: 'john.', domain: 'x.example' })).toBe('"john."@x.example');
  expect(formatMailbox({ localPart: '\u00a0john', domain: 'x.example' })).toBe('"\u00a0john"@x.example');
  expect(formatMailbox({ localPart: '', domain: 'x.example' })).toBe('""@x.example');
  expect(formatMailbox({ localPart: 'a"b\\', domain: 'x.example' })).toBe('"a\\"b\\\\"@x.example');
});

test('keys are equal for the same mailbox and for no other', () => {
  const same = ['John@Example.com', 'john@example.com.', '"JOHN"@EXAMPLE.COM'];
  expect(new Set(same.map((text) => mailboxKey(parsed(text)))).size).toBe(1);
  const different = ['JÖRG@x.example', 'jörg@x.example', 'jorg@x.example', 'jörg@xx.example', '"jörg@x"@example'];
  expect(new Set(different.map((text) => mailboxKey(parsed(text)))).size).toBe(different.length);
  // The Kelvin sign is a K only to those who fold Unicode's case.
  expect(mailboxKey(parsed('\u212a@x.example'))).not.toBe(mailboxKey(parsed('k@x.example')));
});

test('the tag is what follows the first plus', () => {
  expect(withoutTag(parsed('john+a+b@x.example'))).toEqual({
    mailbox: { localPart: 'john', domain: 'x.example' },
    tag: 'a+b',
  });
  expect(withoutTag(parsed('john+@x.example'))?.tag).toBe('');
  expect(withoutTag(parsed('john@x.example'))).toBe(undefined);
  expect(withoutTag(parsed('+john@x.example'))).toBe(undefined);
});

test('a domain lies below another only at a dot', () => {
  expect(isSubdomainOf('a.b.example', 'b.example')).toBe(true);
  expect(isSubdomainOf('b.example', 'b.example')).toBe(false);
  expect(isSubdomainOf('ab.example', 'b.example')).toBe(false);
  expect(isSubdomainOf('example', 'b.example')).toBe(false);
});

test('only local parts beyond ASCII need SMTPUTF8', () => {
  expect(needsSmtputf8(parsed('a@bücher.example'))).toBe(false);
  expect(needsSmtputf8(parsed('jörg@x.example'))).toBe(true);
});

describe('laws', () => {
  const localPart = fc
    .string({ unit: 'binary', minLength: 0, maxLength: 40 })
    .filter((text) => !/[\u0000-\u001f\u007f-\u009f\ufffd]/.test(text));
  const domain = fc.constantFrom('x.example', 'xn--bcher-kva.example', '[192.0.2.1]', 'a.b.c.d');

  test('what is formatted is read as the same', () => {
    fc.assert(
      fc.property(fc.record({ localPart, domain }), (mailbox) => {
        expect(parsed(formatMailbox(mailbox))).toEqual(mailbox);
      }),
    );
  });

  test('reading never throws, and what it accepts can be written in one line of SMTP', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (before, after) => {
        const result = parseMailbox(`${before}@${after}`);
        expect(result.ok && /[\u0000-\u001f\u007f]/.test(formatMailbox(result.value))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test('a domain is canonical once it has been read', () => {
    fc.assert(
      fc.property(fc.domain(), (name) => {
        const once = toAsciiDomain(name.toUpperCase());
        expect(once).toBe(name.toLowerCase());
        expect(toAsciiDomain(once ?? '')).toBe(once);
      }),
    );
  });

  test('octets are counted as UTF-8 has them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(utf8Length(text)).toBe(Buffer.byteLength(text));
      }),
    );
  });
});
