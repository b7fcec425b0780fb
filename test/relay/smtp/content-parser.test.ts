import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ContentParser } from '../../../relay/smtp/content-parser.ts';

interface Heard {
  readonly commands: string[];
  readonly contents: string[];
}

/** Feeds the bytes, cut at these places; every line DATA begins content, everything else is a command. */
async function hear(bytes: string, places: readonly number[]): Promise<Heard> {
  const heard: Heard = { commands: [], contents: [] };
  const parser = new ContentParser();
  parser.oncommand = (line, next) => {
    heard.commands.push(line.toString('latin1'));
    if (line.toString() === 'DATA') {
      let content = '';
      parser.startContent({
        part: (part, more) => {
          content += part.toString('latin1');
          setImmediate(more);
        },
        finalDot: () => {
          heard.contents.push(content);
          setImmediate(() => parser.continue());
        },
      });
    }
    next?.();
  };
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (const [at, end] of cuts.slice(1).entries()) {
    const part = Buffer.from(bytes.slice(cuts[at], end), 'latin1');
    await new Promise<void>((resolve) => parser.write(part, () => resolve()));
  }
  return heard;
}

/** RFC 5321 §4.5.2: lines end in CRLF, nothing else does. */
function stuff(content: string): string {
  return content.replaceAll(/(^|\r\n)\./g, '$1..');
}

const CONTENT = fc
  .array(fc.constantFrom('\r\n', '\r', '\n', '.', '..', '\r\n.', '.\r\n', 'a', '\0'), { maxLength: 30 })
  .map((words) => words.join('') + (words.length === 0 ? '' : '\r\n'));
const PLACES = fc.array(fc.nat(300), { maxLength: 12 });

describe('content', () => {
  test('comes through exactly, however it is cut, and commands behind it wait', async () => {
    await fc.assert(
      fc.asyncProperty(CONTENT, CONTENT, PLACES, async (first, second, places) => {
        const bytes = `DATA\r\n${stuff(first)}.\r\nNOOP\r\nDATA\r\n${stuff(second)}.\r\nQUIT\r\n`;
        expect(await hear(bytes, places)).toEqual({
          commands: ['DATA', 'NOOP', 'DATA', 'QUIT'],
          contents: [first, second],
        });
      }),
      { numRuns: 3000 },
    );
  });

  test('comes through exactly when every octet comes alone', async () => {
    await fc.assert(
      fc.asyncProperty(CONTENT, async (content) => {
        const bytes = `DATA\r\n${stuff(content)}.\r\nQUIT\r\n`;
        const places = Array.from({ length: bytes.length }, (_, at) => at);
        expect(await hear(bytes, places)).toEqual({ commands: ['DATA', 'QUIT'], contents: [content] });
      }),
      { numRuns: 300 },
    );
  });

  test('loses the first dot of a line even when it was not doubled', async () => {
    expect(await hear('DATA\r\n.a\r\n.\r\n', [])).toEqual({ commands: ['DATA'], contents: ['a\r\n'] });
  });

  test('of dots alone costs no part a dot', async () => {
    const lines = '..\r\n'.repeat(16_000);
    const parser = new ContentParser();
    const parts: number[] = [];
    parser.startContent({
      part: (part, more) => {
        parts.push(part.length);
        more();
      },
      finalDot: () => undefined,
    });
    parser.write(Buffer.from(`${lines}.\r\n`));
    expect(parts).toEqual([16_000 * 3]);
  });
});

describe('a command line', () => {
  test('above 2048 octets ends the parsing with an error', async () => {
    const parser = new ContentParser();
    parser.oncommand = (_line, next) => next?.();
    const failed = new Promise<Error>((resolve) => parser.once('error', resolve));
    parser.write(Buffer.from('N'.repeat(2049)));
    expect((await failed).message).toMatch(/too long/);
  });

  test('without its line end is not carried out when the client leaves', async () => {
    const commands: string[] = [];
    const parser = new ContentParser();
    parser.oncommand = (line, next) => {
      commands.push(line.toString());
      next?.();
    };
    parser.end(Buffer.from('NOOP\r\nQUIT'));
    await new Promise((resolve) => parser.once('finish', resolve));
    expect(commands).toEqual(['NOOP']);
  });
});
