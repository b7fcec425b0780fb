import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  editHeader,
  fieldsNamed,
  fieldValue,
  type Header,
  parseHeader,
  prependFields,
  removeFields,
} from '../../../relay/core/header.ts';

const headerOf = (text: string): Header => parseHeader(Buffer.from(text, 'latin1'));
const textOf = (header: Header) => Buffer.from(header.octets).toString('latin1');
const fieldsOf = (text: string) => headerOf(text).fields.map(({ name, start, end }) => [name, text.slice(start, end)]);

describe('fields are found', () => {
  test.each([
    [
      'To: a\r\nCC:b\r\n',
      [
        ['to', 'To: a\r\n'],
        ['cc', 'CC:b\r\n'],
      ],
    ],
    [
      'To: a,\r\n\tb,\r\n \r\n c\r\nX: y\r\n',
      [
        ['to', 'To: a,\r\n\tb,\r\n \r\n c\r\n'],
        ['x', 'X: y\r\n'],
      ],
    ],
    ['Subject \t: a: b\r\n', [['subject', 'Subject \t: a: b\r\n']]],
    ['To: a', [['to', 'To: a']]],
    [
      'From a@b Sun Nov 22 10:00:00\r\nTo: a\r\n',
      [
        ['', 'From a@b Sun Nov 22 10:00:00\r\n'],
        ['to', 'To: a\r\n'],
      ],
    ],
    [
      'no colon\r\n b\r\nTo: a\r\n',
      [
        ['', 'no colon\r\n b\r\n'],
        ['to', 'To: a\r\n'],
      ],
    ],
    [
      ' fold: first\r\nTo: a\r\n',
      [
        ['', ' fold: first\r\n'],
        ['to', 'To: a\r\n'],
      ],
    ],
    [
      ':a\r\nT\xf6: b\r\nT\0: c\r\n',
      [
        ['', ':a\r\n'],
        ['', 'T\xf6: b\r\n'],
        ['', 'T\0: c\r\n'],
      ],
    ],
    ['no\r\n colon: x\r\n', [['', 'no\r\n colon: x\r\n']]],
    ['', []],
  ])('in %j', (text, expected) => {
    expect(fieldsOf(text)).toEqual(expected);
  });
});

test('fields cover every octet, whatever the octets are', () => {
  const wild = fc.array(fc.constantFrom('\r\n', '\r', '\n', ' ', '\t', ':', 'To', 'a', '\0', '\xff'), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(wild, (parts) => {
      const text = parts.join('');
      expect(
        fieldsOf(text)
          .map(([, octets]) => octets)
          .join(''),
      ).toBe(text);
    }),
  );
});

test('values are unfolded, and octets beyond ASCII stay single characters', () => {
  const header = headerOf('X:  a\r\n\tb\r\n  c \r\nx:\x80\xff\r\n');
  expect(fieldsNamed(header, 'x').map((field) => fieldValue(header, field))).toEqual(['a\tb  c', '\x80\xff']);
});

describe('edits', () => {
  test('replace octets, as UTF-8, and leave the rest', () => {
    const header = headerOf('To: \xe9 a b\r\nX: y\r\n');
    const edits = [
      { start: 6, end: 7, text: 'ö' },
      { start: 8, end: 8, text: '+' },
      { start: 8, end: 9, text: '' },
    ];
    expect(textOf(editHeader(header, edits))).toBe('To: \xe9 \xc3\xb6 +\r\nX: y\r\n');
  });

  test('none give the same header', () => {
    const header = headerOf('To: a\r\n');
    expect(editHeader(header, [])).toBe(header);
    expect(removeFields(header, () => false)).toBe(header);
  });

  test('that overlap are a mistake of ours', () => {
    const edits = [
      { start: 0, end: 3, text: '' },
      { start: 2, end: 4, text: '' },
    ];
    expect(() => editHeader(headerOf('To: a\r\n'), edits)).toThrow('overlaps');
  });

  test('leave the fields that would be read anew', () => {
    const part = fc.constantFrom('\r\n', ' ', 'To: a\r\n', 'X', ':', 'abc', ' b\r\n', 'Cc: d@e\r\n f\r\n');
    const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
    const cuts = fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 4 }), text), { maxLength: 3 });
    fc.assert(
      fc.property(text, cuts, fc.boolean(), (section, places, whole) => {
        const header = headerOf(section);
        let from = 0;
        const edits = places
          .sort(([a], [b]) => a - b)
          .flatMap(([at, length, replacement]) => {
            const field = whole ? header.fields[at % 7] : undefined;
            const start = field?.start ?? Math.min(at, section.length);
            const end = field?.end ?? Math.min(start + length, section.length);
            if (start < from) return [];
            from = end + 1;
            return [{ start, end, text: whole ? '' : replacement }];
          });
        const edited = editHeader(header, edits);
        expect(edited.fields).toEqual(parseHeader(edited.octets).fields);
      }),
      { numRuns: 3000 },
    );
  });

  test('remove fields with their folds and put others above', () => {
    const header = headerOf('A: 1\r\nB: 2\r\n 3\r\nA: 4\r\n');
    expect(textOf(removeFields(header, ({ name }) => name === 'b'))).toBe('A: 1\r\nA: 4\r\n');
    expect(textOf(prependFields(header, 'C: 0\r\n'))).toBe('C: 0\r\nA: 1\r\nB: 2\r\n 3\r\nA: 4\r\n');
    const fold = prependFields(headerOf(' a\r\nB: 2\r\n'), 'C: 0\r\n');
    expect(fold.fields).toEqual(parseHeader(fold.octets).fields);
    expect(prependFields(header, 'C: 0\r\n').fields.map(({ name }) => name)).toEqual(['c', 'a', 'b', 'a']);
  });
});
