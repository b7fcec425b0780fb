import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RelaxedBody } from '../../../relay/core/relaxed-body.ts';

function relaxed(chunks: readonly Buffer[]): string {
  let text = '';
  const body = new RelaxedBody((octets) => {
    text += Buffer.from(octets).toString('latin1');
  });
  for (const chunk of chunks) body.update(chunk);
  body.finish();
  return text;
}
const relaxedText = (text: string) => relaxed([Buffer.from(text, 'latin1')]);

/** RFC 6376 §3.4.4 word by word, over the whole body at once. */
function byTheBook(text: string): string {
  const lines = text.split('\r\n').map((line) => line.replace(/[ \t]+$/, '').replace(/[ \t]+/g, ' '));
  while (lines.length > 0 && lines.at(-1) === '') lines.pop();
  return lines.map((line) => `${line}\r\n`).join('');
}

describe('the relaxed form', () => {
  test.each([
    ['', ''],
    ['\r\n', ''],
    ['\r\n\r\n \t\r\n', ''],
    ['  ', ''],
    ['a', 'a\r\n'],
    ['a\r\n', 'a\r\n'],
    ['a\r\n\r\n\r\n', 'a\r\n'],
    [' C \r\nD \t E\r\n\r\n\r\n', ' C\r\nD E\r\n'],
    ['a\r\n\r\nb', 'a\r\n\r\nb\r\n'],
    ['\r\n\r\na\tb', '\r\n\r\na b\r\n'],
    ['a \r\n \r\n', 'a\r\n'],
    ['\xff  \xfe', '\xff \xfe\r\n'],
  ])('%j', (text, expected) => {
    expect(relaxedText(text)).toBe(expected);
  });
});

describe('is the same', () => {
  const part = fc.oneof(
    fc.constantFrom(' ', '\t', '  ', '\r\n', '\r\n\r\n', 'a', 'word', '.', '\xe9'),
    fc.constantFrom('x'.repeat(600), 'y'.repeat(5000), 'z'.repeat(17000)),
  );
  const body = fc.array(part, { maxLength: 30 }).map((parts) => parts.join(''));

  test('as the rules give for the whole', () => {
    fc.assert(
      fc.property(body, (text) => {
        expect(relaxedText(text)).toBe(byTheBook(text));
      }),
    );
  });

  test('wherever it is cut', () => {
    fc.assert(
      fc.property(body, fc.array(fc.nat({ max: 40 }), { maxLength: 20 }), (text, sizes) => {
        const octets = Buffer.from(text, 'latin1');
        const chunks: Buffer[] = [];
        let start = 0;
        for (const size of sizes) {
          chunks.push(octets.subarray(start, start + size));
          start += size;
        }
        chunks.push(octets.subarray(start));
        expect(relaxed(chunks)).toBe(relaxedText(text));
      }),
    );
  });

  test('octet by octet', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(' ', '\t', '\r\n', 'a', 'b'), { maxLength: 40 }), (parts) => {
        const octets = Buffer.from(parts.join(''));
        expect(relaxed(Array.from(octets, (_, i) => octets.subarray(i, i + 1)))).toBe(byTheBook(parts.join('')));
      }),
    );
  });
});
