/** Plain addresses are not parsed, and come to what parsing comes to. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOfAddress, readMailbox } from '../../../operator/compile/mailbox-text.ts';
import { formatMailbox, mailboxKey, parseMailbox } from '../../../relay/core/address.ts';

const character = fc.constantFrom(...'aZ0.-_+@"\\ éß[]/');
const text = fc.oneof(
  fc.string({ unit: character, maxLength: 20 }),
  fc.tuple(fc.string({ unit: character, minLength: 1, maxLength: 10 }), fc.domain()).map((parts) => parts.join('@')),
  fc.tuple(fc.nat({ max: 330 }), fc.nat({ max: 70 })).map(([a, b]) => `${'a'.repeat(a)}@${'b'.repeat(b)}.example`),
);

describe('readMailbox', () => {
  it('comes to what parsing and formatting come to', () => {
    fc.assert(
      fc.property(text, (written) => {
        const parsed = parseMailbox(written);
        const read = readMailbox(written);
        if (!parsed.ok) {
          expect(read).toEqual(parsed);
          return;
        }
        const { domain } = parsed.value;
        expect(read).toEqual({
          ok: true,
          value: { text: formatMailbox(parsed.value), key: mailboxKey(parsed.value), domain },
        });
      }),
      { numRuns: 3000 },
    );
  });

  it('gives one string for text and key where they are equal', () => {
    const read = readMailbox('Ann@T1.example');
    expect(read).toMatchObject({ ok: true, value: { text: 'Ann@t1.example', key: 'ann@t1.example' } });
    expect(readMailbox('ann@t1.example')).toMatchObject({ value: { text: 'ann@t1.example', key: 'ann@t1.example' } });
  });
});

describe('keyOfAddress', () => {
  it('is the key of every address that formatMailbox has written', () => {
    fc.assert(
      fc.property(text, (written) => {
        const parsed = parseMailbox(written);
        fc.pre(parsed.ok);
        if (parsed.ok) expect(keyOfAddress(formatMailbox(parsed.value))).toBe(mailboxKey(parsed.value));
      }),
      { numRuns: 3000 },
    );
  });
});
