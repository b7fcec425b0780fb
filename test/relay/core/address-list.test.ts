import fc from 'fast-check';
import addressparser from 'nodemailer/lib/addressparser/index.js';
import { describe, expect, test } from 'vitest';
import { formatMailbox } from '../../../relay/core/address.ts';
import { findAddresses } from '../../../relay/core/address-list.ts';

const find = (text: string) => {
  const octets = Buffer.from(text);
  return findAddresses(octets, 0, octets.length);
};
const specs = (text: string) => find(text).flatMap((one) => (one.kind === 'spec' ? [formatMailbox(one.mailbox)] : []));

describe('what a stranger finds in a list, we find', () => {
  const atom = fc.stringMatching(/^[a-z0-9!#$%&*+/?^_`{|}~-]{1,8}$/);
  const domain = fc.stringMatching(/^[a-z]{1,6}(\.[a-z]{1,6}){1,2}$/);
  const address = fc.oneof(
    fc.tuple(atom, domain).map((parts) => parts.join('@')),
    fc.tuple(atom, atom, domain).map(([first, second, where]) => `${first}.${second}@${where}`),
  );
  const name = fc.oneof(
    fc.stringMatching(/^[A-Za-z]{1,8}( [A-Za-z]{1,8})?$/),
    fc.stringMatching(/^[A-Za-z,;:<>() ]{1,12}$/).map((text) => `"${text}"`),
    fc.constant('=?utf-8?Q?J=C3=B6rg?='),
  );
  const mailbox = fc.oneof(
    address,
    fc.tuple(name, address).map(([shown, one]) => `${shown} <${one}>`),
    fc.tuple(address, fc.stringMatching(/^[a-z ]{1,8}$/)).map(([one, comment]) => `${one} (${comment})`),
  );
  const list = fc.array(mailbox, { minLength: 1, maxLength: 6 }).map((all) => all.join(', '));
  const groups = fc.oneof(
    list,
    list.map((members) => `Team: ${members};`),
  );

  test('in lists and groups of well-formed mailboxes', () => {
    fc.assert(
      fc.property(groups, (text) => {
        const theirs = addressparser(text, { flatten: true }).map(({ address: one }) => one);
        expect(specs(text)).toEqual(theirs);
      }),
      { numRuns: 1000 },
    );
  });

  test('wherever the list is folded', () => {
    fc.assert(
      fc.property(fc.array(mailbox, { minLength: 1, maxLength: 6 }), (all) => {
        expect(specs(all.join('\r\n\t,\r\n  '))).toEqual(specs(all.join(',')));
      }),
    );
  });
});

test('offsets name local part and domain without what stands around them', () => {
  const text = ' <"j s" (c)@\r\n x.example>';
  const [found] = find(text);
  if (found?.kind !== 'spec') throw new Error('no address found');
  expect(text.slice(found.start, found.localPartEnd)).toBe('"j s"');
  expect(text.slice(found.domainStart, found.end)).toBe('x.example');
});

test('nothing beyond the field is looked at', () => {
  const octets = Buffer.from('a@b\r\n@c.example "x" (');
  expect(findAddresses(octets, 0, 5)).toHaveLength(1);
});

describe('takes time in proportion to its length, whatever it is fed', () => {
  // Twice the input may cost twice the steps, never four times: counted in reads of octets, as clocks lie on a busy
  // machine.
  const readsOf = (text: string): number => {
    let reads = 0;
    const octets = new Proxy(new Uint8Array(0), {
      get: (_, key) => {
        if (key === 'length') return text.length;
        if (key === 'subarray') return (start: number, end: number) => Buffer.from(text.slice(start, end), 'latin1');
        return undefined;
      },
    });
    const counted = {
      subarray: () =>
        new Proxy(octets, {
          get: (target, key) => {
            if (typeof key === 'string' && /^\d+$/.test(key)) {
              reads++;
              return Number(key) < text.length ? text.charCodeAt(Number(key)) : undefined;
            }
            return Reflect.get(target, key);
          },
        }),
    };
    findAddresses(counted as unknown as Uint8Array, 0, text.length);
    return reads;
  };
  test.each([
    '"',
    '(',
    ')',
    '\\"',
    '"\\"',
    '<',
    '@',
    'a@',
    'a@b,',
    'a@(',
    'a@b(',
    '(a@b)',
    '"a@b',
    '.',
    '. ',
    '. (c) ',
    'a@b. ',
    'a@(c)a',
    '=?',
    '=?a?q?',
    '=?a?q?@',
    '=?utf-8?q?a=40b?=',
    '=?utf-8?q?a=40b?= ',
    '[',
    'a@[',
    "'a@b',",
    '\r\n ',
    '"a"."b".',
    '(a)@',
    '((a)',
  ])('%j', (unit) => {
    const length = 2000;
    const once = readsOf(unit.repeat(Math.ceil(length / unit.length)));
    const twice = readsOf(unit.repeat(Math.ceil((2 * length) / unit.length)));
    expect(twice).toBeLessThan(2.2 * once);
    expect(once).toBeLessThan(12 * length);
  });
});
