import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodedUtf8, encodeWords, readEncodedWord } from '../../../relay/core/encoded-word.ts';
import { base64, fromBase64, has8bit, latin1Text, utf8Octets, utf8Text } from '../../../relay/core/octets.ts';

const read = (text: string) => readEncodedWord(Buffer.from(text, 'latin1'), 0, text.length);
const decoded = (text: string) => {
  const word = read(text);
  const octets = word && decodedUtf8([word]);
  return octets && Buffer.from(octets).toString();
};

describe('an encoded word is read', () => {
  test.each([
    ['=?utf-8?Q?a=40b_c?=', 'a@b c'],
    ['=?UTF-8?b?w7Y=?=', 'ö'],
    ['=?utf8?B?w7Y?=', 'ö'],
    ['=?us-ascii*en-GB?q?a@b?=', 'a@b'],
    ['=?iso-2022-jp?Q?abc?=', 'abc'],
    ['=?windows-1252?Q?a=?=', 'a='],
    ['=?utf-8?Q??=', ''],
  ])('%s', (text, expected) => {
    expect(decoded(text)).toBe(expected);
  });
});

describe('no encoded word is read from', () => {
  test.each([
    '=?utf-8?Q?a b?=',
    '=?utf-8?X?a?=',
    '=?utf-8?Q?a',
    '=?utf-8?Q?a?',
    '=?utf-8?Q?a?x',
    '=?utf-8?Q',
    '=?utf 8?Q?a?=',
    '?utf-8?Q?a?=',
    '=?utf-8?B?a?=',
  ])('%s', (text) => {
    expect(read(text)).toBe(undefined);
  });
  test.each(['=?utf-7?Q?a?=', '=?iso-8859-1?Q?=E9?=', '=?iso-2022-jp?B?GyRCJCIbKEI=?='])(
    '%s: its charset is not known',
    (text) => {
      expect(read(text)).toBeDefined();
      expect(decoded(text)).toBe(undefined);
    },
  );
});

test('words are as long as RFC 2047 allows, divide no character and are read back', () => {
  const models = ['=?utf-8?Q?x?=', '=?utf-8?B?eA==?=', '=?us-ascii?Q?x?='].map((text) => read(text));
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 120 }),
      fc.constantFrom(...models),
      (text, model) => {
        if (model === undefined) throw new Error('no model');
        const words = encodeWords(text, model).split(' ');
        expect(Math.max(...words.map((word) => word.length))).toBeLessThanOrEqual(75);
        expect(words.map((word) => decoded(word)).join('')).toBe(text);
      },
    ),
  );
});

test('base64 is the platform’s, both ways', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (octets) => {
      const text = Buffer.from(octets).toString('base64');
      expect(base64(octets)).toBe(text);
      expect(fromBase64(text)).toEqual(octets);
      expect(fromBase64(text.replace(/=+$/, ''))).toEqual(octets);
    }),
  );
  expect(fromBase64('a')).toBe(undefined);
  expect(fromBase64('ab*d')).toBe(undefined);
});

test('octets are text and back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      const octets = utf8Octets(text);
      expect(utf8Text(octets, 0, octets.length)).toBe(text);
      expect(latin1Text(octets, 0, octets.length)).toBe(Buffer.from(text).toString('latin1'));
      expect(has8bit(octets)).toBe(octets.some((octet) => octet > 127));
    }),
  );
  expect(utf8Text(new Uint8Array([65, 0xff]), 0, 2)).toBe('A\ufffd');
});
