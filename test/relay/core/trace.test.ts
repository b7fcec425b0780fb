/** Our trace field: counts what the fleet wrote itself, and nothing that anybody else wrote, copied or changed. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTraceKeys } from '../../../relay/auth/trace-key.ts';
import { type Header, parseHeader, prependFields } from '../../../relay/core/header.ts';
import { formatTrace, MAX_PASSES, readTrace, removeTrace, type TraceKeys } from '../../../relay/core/trace.ts';

/** By the texts of keys, the one that signs first. */
function keysOf(...texts: string[]): TraceKeys {
  const made = createTraceKeys({ traceKeys: texts }, new Map(texts.map((text) => [text, text])));
  if (made === undefined) throw new Error('a key is there');
  return made;
}

const KEYS = keysOf('key of this fleet');
const FOREIGN = keysOf('key of another fleet');

function header(text: string): Header {
  return parseHeader(new TextEncoder().encode(text));
}

function text({ octets }: Header): string {
  return new TextDecoder().decode(octets);
}

const MESSAGE = 'Message-ID: <1@tenant1.example>\r\nDate: Mon, 02 Nov 2026 03:04:05 +0000\r\nSubject: x\r\n';

const passed = (message: string, passes: number, keys = KEYS) =>
  prependFields(header(message), formatTrace(header(message), passes, keys));

/** What a relay does with a message: counts it, and puts its own field in place of the old one. */
function pass(before: Header, keys: TraceKeys): Header {
  const passes = readTrace(before, keys) + 1;
  return prependFields(removeTrace(before, keys), formatTrace(before, passes, keys));
}

const word = fc.stringMatching(/^[\u0021-\u007e]{1,40}$/);
const messageId = fc.option(word, { nil: undefined });
const date = fc.option(fc.date({ noInvalidDate: true }), { nil: undefined });
const message = fc
  .record({ messageId, date })
  .map((each) =>
    [
      ...(each.messageId === undefined ? [] : [`Message-ID: <${each.messageId}>\r\n`]),
      ...(each.date === undefined ? [] : [`Date: ${each.date.toUTCString()}\r\n`]),
      'Subject: x\r\n',
    ].join(''),
  );
const count = fc.integer({ min: 1, max: 999 });

describe('the trace field', () => {
  test('says version, count, key and HMAC, and is folded below 78 octets', () => {
    const field = formatTrace(header(MESSAGE), 2, KEYS);
    expect(field).toMatch(/^X-Isthmus-Trace: v=1; n=2; k=[0-9a-f]{8};\r\n h=[\w-]{43}\r\n$/);
    expect(Math.max(...field.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(78);
  });

  test('is read back, whatever Message-ID and Date are, or without them', () => {
    fc.assert(
      fc.property(message, count, (each, passes) => {
        expect(readTrace(passed(each, passes), KEYS)).toBe(passes);
      }),
    );
  });

  test('survives other folds and more white space', () => {
    const folded = text(passed(MESSAGE, 3)).replace('; n=', ';\r\n\tn=').replace('Mon, 02 Nov', 'Mon,\r\n  02 Nov');
    expect(folded).toContain(';\r\n\tn=');
    expect(readTrace(header(folded), KEYS)).toBe(3);
  });

  test('counts passes up to the loop', () => {
    let at = header(MESSAGE);
    const counts: number[] = [];
    for (let passes = 0; readTrace(at, KEYS) <= MAX_PASSES; passes++) {
      at = pass(at, KEYS);
      counts.push(readTrace(at, KEYS));
    }
    expect(counts).toEqual([1, 2, 3, 4, 5, 6]);
    expect(text(at).match(/X-Isthmus-Trace/g)).toHaveLength(1);
  });

  test('ends a loop between two fleets: each keeps the count of the other', () => {
    let at = header(MESSAGE);
    for (let round = 0; round < 4; round++) at = pass(pass(at, KEYS), FOREIGN);
    expect([readTrace(at, KEYS), readTrace(at, FOREIGN)]).toEqual([4, 4]);
  });

  test('is believed by the key before this one, and written by this one', () => {
    const rotated = keysOf('new key', 'key of this fleet');
    const at = pass(passed(MESSAGE, 2), rotated);
    expect(readTrace(at, rotated)).toBe(3);
    expect(readTrace(at, keysOf('new key'))).toBe(3);
    expect(readTrace(at, KEYS)).toBe(0);
  });
});

describe('a trace field counts as absent', () => {
  test('when it was forged without the key', () => {
    const mac = fc.stringMatching(/^[\w-]{43}$/);
    const keyId = fc.constantFrom(...KEYS.ids, ...FOREIGN.ids);
    fc.assert(
      fc.property(message, count, keyId, mac, (each, passes, id, h) => {
        const forged = `X-Isthmus-Trace: v=1; n=${passes}; k=${id};\r\n h=${h}\r\n${each}`;
        expect(readTrace(header(forged), KEYS)).toBe(0);
      }),
    );
  });

  test('when it was taken from a message with another Message-ID or Date', () => {
    fc.assert(
      fc.property(message, message, count, (one, other, passes) => {
        fc.pre(one !== other);
        const replayed = prependFields(header(other), formatTrace(header(one), passes, KEYS));
        expect(readTrace(replayed, KEYS)).toBe(0);
      }),
    );
  });

  test('when its count was changed', () => {
    fc.assert(
      fc.property(message, count, count, (each, passes, other) => {
        fc.pre(passes !== other);
        const lowered = text(passed(each, passes)).replace(`n=${passes};`, `n=${other};`);
        expect(readTrace(header(lowered), KEYS)).toBe(0);
      }),
    );
  });

  test.each([
    ['there are two', `${formatTrace(header(MESSAGE), 2, KEYS)}${formatTrace(header(MESSAGE), 5, KEYS)}${MESSAGE}`],
    ['a count of zero is claimed', text(passed(MESSAGE, 10)).replace('n=10;', 'n=0;')],
    ['a count has leading zeros', text(passed(MESSAGE, 7)).replace('n=7;', 'n=07;')],
    ['the version is another', text(passed(MESSAGE, 7)).replace('v=1;', 'v=2;')],
    ['something is appended', text(passed(MESSAGE, 7)).replace(/(h=[\w-]+)/, '$1; x=1')],
    ['it is empty', `X-Isthmus-Trace:\r\n${MESSAGE}`],
    ['there is none', MESSAGE],
  ])('when %s', (_why, all) => {
    expect(readTrace(header(all), KEYS)).toBe(0);
  });

  test('when it is another fleet’s, which stays in the message', () => {
    const foreign = passed(MESSAGE, 4, FOREIGN);
    expect(readTrace(foreign, KEYS)).toBe(0);
    expect(text(removeTrace(foreign, KEYS))).toBe(text(foreign));
  });
});

test('every field of ours is removed, right or wrong, and so is what names no key', () => {
  const ours = formatTrace(header(MESSAGE), 2, KEYS);
  const all = `${ours}X-Isthmus-Trace: nonsense\r\nX-Isthmus-Trace: v=9; k=${[...KEYS.ids][0]}\r\n${ours}${MESSAGE}`;
  expect(text(removeTrace(header(all), KEYS))).toBe(MESSAGE);
});

test('whatever stands in the field, reading and removing it is possible', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (value) => {
      const at = header(`X-Isthmus-Trace: ${value}\r\n${MESSAGE}`);
      expect(readTrace(at, KEYS)).toBe(0);
      expect(text(removeTrace(at, KEYS))).toContain('Subject: x\r\n');
    }),
  );
});
