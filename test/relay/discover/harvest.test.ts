/** Whoever guesses names learns little, and no tenant's next hop pays for it. */

import { describe, expect, it } from 'vitest';
import { DISCOVERY_LIMITS } from '../../../relay/discover/discoverer.ts';
import { among, askedOf, knows, MINUTE } from './searching.ts';

const JOHN = knows(['john@tenant1.example']);
const EVE = '203.0.113.66';

type Find = (address: string, countedAs?: string) => Promise<string>;

async function guess(find: Find, times: number, countedAs?: string): Promise<string[]> {
  const heard: string[] = [];
  for (let nth = 1; nth <= times; nth += 1) heard.push(await find(`guess${nth}@shared.example`, countedAs));
  return heard;
}

describe('a client from the internet', () => {
  it('is sent away with its tenth unknown recipient', async () => {
    const { find } = await among([JOHN]);
    expect(await guess(find, 11, EVE)).toEqual([
      ...Array.from({ length: 9 }, () => '550 5.1.1'),
      '421 4.7.0',
      '421 4.7.0',
    ]);
  });

  it('that was sent away gets no new question asked, on no connection; what is known it may use', async () => {
    const { peers, find } = await among([JOHN]);
    await find('john@shared.example');
    await guess(find, 10, EVE);
    const before = askedOf(peers[0]).length;
    expect(await find('another@shared.example', EVE)).toBe('421 4.7.0');
    expect(await find('guess1@shared.example', EVE)).toBe('421 4.7.0');
    expect(await find('john@shared.example', EVE)).toBe('john@tenant1.example');
    expect(askedOf(peers[0])).toHaveLength(before);
  });

  it('may try again after ten minutes, and no other client is sent away', async () => {
    const { find, pass } = await among([JOHN]);
    await guess(find, 10, EVE);
    expect(await find('guess11@shared.example', '203.0.113.67')).toBe('550 5.1.1');
    pass(10 * MINUTE - 1);
    expect(await find('guess11@shared.example', EVE)).toBe('421 4.7.0');
    pass(1);
    expect(await find('guess11@shared.example', EVE)).toBe('550 5.1.1');
  });

  it('is not counted for recipients that exist or are undecided', async () => {
    const { find } = await among([knows(['john@tenant1.example'], '450 4.2.1 later')], {
      limits: { unknownPerClient: 1 },
    });
    expect(await guess(find, 2, EVE)).toEqual(['451 4.4.3', '451 4.4.3']);
  });

  it('is remembered among as many as there is room for', async () => {
    const { find } = await among([JOHN], { limits: { unknownPerClient: 2, clients: 2 } });
    for (const client of ['a', 'b', 'c']) await find('guess@shared.example', client);
    expect(await find('guess@shared.example', 'a')).toBe('550 5.1.1');
    expect(await find('guess@shared.example', 'c')).toBe('421 4.7.0');
  });
});

it('a tenant whose users mistype is not sent away', async () => {
  const { find } = await among([JOHN]);
  expect(new Set(await guess(find, 12))).toEqual(new Set(['550 5.1.1']));
});

it('a tenant is asked so many questions a minute by all clients together, and then the answer is 451', async () => {
  const { peers, find, pass } = await among([JOHN], { limits: { questionsPerMinute: 3 } });
  expect(await guess(find, 5)).toEqual(['550 5.1.1', '550 5.1.1', '550 5.1.1', '451 4.4.5', '451 4.4.5']);
  expect(await find('guess1@shared.example')).toBe('550 5.1.1');
  expect(askedOf(peers[0])).toHaveLength(3);
  pass(MINUTE);
  expect(await find('john@shared.example')).toBe('john@tenant1.example');
});

it("the budget of one tenant is not the next one's", async () => {
  const { find } = await among([knows(['a@tenant1.example']), knows(['b@tenant2.example'])], {
    limits: { questionsPerMinute: 2 },
  });
  await find('a@shared.example');
  expect(await find('b@shared.example')).toBe('b@tenant2.example');
  expect(await find('c@shared.example')).toBe('451 4.4.5');
  expect(DISCOVERY_LIMITS.questionsPerMinute).toBeGreaterThan(DISCOVERY_LIMITS.unknownPerClient);
});
