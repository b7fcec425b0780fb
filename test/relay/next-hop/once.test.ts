/**
 * The promise that matters most: whatever a next hop does, a message is handed over once, to all or to none, and every
 * answer is true.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StepResult } from '../../../relay/core/delivery.ts';
import { createNextHops } from '../../../relay/next-hop/next-hops.ts';
import { CLOSE, type Script, startPeer } from './scripted-peer.ts';
import { claimOf, configFor, message, soon, tenantHop, told } from './sending.ts';

/**
 * Up to eight answers, most of them ordinary: a next hop that errs all the time never gets as far as the places that
 * matter.
 */
const answer =
  (...odd: string[]) =>
  (ordinary: string) => {
    const one = fc.oneof(
      { weight: 12, arbitrary: fc.constant(ordinary) },
      { weight: 4, arbitrary: fc.constantFrom(...odd) },
    );
    return fc.array(one, { minLength: 1, maxLength: 8 });
  };

const script: fc.Arbitrary<Script> = fc.record({
  greeting: fc.constantFrom('220 peer', '220 peer', '220 peer', `421 4.3.2 no${CLOSE}`, CLOSE),
  EHLO: fc.constantFrom('250-peer\r\n250 PIPELINING', '250 peer', '250-peer\r\n250-PIPELINING\r\n250 LIMITS MAILMAX=1'),
  MAIL: answer(CLOSE, '451 4.3.0 later', '550 5.1.8 no', `421 4.4.2 idle${CLOSE}`)('250 2.1.0 ok'),
  RCPT: answer(CLOSE, '450 4.2.1 later', '550 5.1.1 no', `421 4.4.2 idle${CLOSE}`, '354 what')('250 2.1.5 ok'),
  DATA: answer(CLOSE, '451 4.3.0 later', '554 5.5.1 no', '250 2.0.0 what')('354 go'),
  content: answer(
    CLOSE,
    '451 4.3.0 later',
    '554 5.7.1 no',
    `250 2.0.0 taken${CLOSE}`,
    `421 4.3.2 bye${CLOSE}`,
  )('250 2.0.0 taken'),
  RSET: answer(CLOSE, '421 4.4.2 bye', '500 what')('250 2.0.0 ok'),
});

/** What one client did: how many recipients it asked for, and whether its claim is let go after each. */
const client = fc.record({ recipients: fc.integer({ min: 1, max: 3 }), slow: fc.boolean() });

test('a message is handed over once, to all that were accepted or to none, and the answer says which', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(script, { minLength: 1, maxLength: 4 }),
      fc.array(client, { minLength: 1, maxLength: 4 }),
      async (scripts, clients) => {
        const to = await startPeer(...scripts, {});
        const config = configFor({ hop: tenantHop(to.port, { limits: { connections: 1 } }) });
        const nextHops = createNextHops({ config, credentials: new Map(), durations: { yield: 1 } });
        const deliveries = await Promise.all(
          clients.map(async ({ recipients, slow }, number) => {
            const claim = claimOf(nextHops);
            const accepted: string[] = [];
            for (let count = 0; count < recipients; count += 1) {
              const forwardPath = `user${count}@client${number}.example`;
              if ((await claim.recipient(forwardPath)).ok) accepted.push(forwardPath);
              // Whoever waits takes a claim that rests: its own client finds it let go.
              if (slow) await claimOf(nextHops).recipient(`hurry@client${number}.example`);
            }
            let result: StepResult | undefined;
            if (accepted.length > 0) result = await claim.deliver(message(`client ${number}\r\n`), soon());
            claim.release();
            return { number, accepted, result };
          }),
        );
        const seen = to.conversations.flatMap((conversation) => conversation.transactions);
        for (const { number, accepted, result } of deliveries) {
          const handed = seen.filter((transaction) => transaction.content.includes(`client ${number}\r\n`));
          if (result === undefined) {
            expect(handed).toEqual([]);
            continue;
          }
          const taken = handed.filter((transaction) => transaction.answer.startsWith('250'));
          expect(handed.length).toBeLessThanOrEqual(1);
          for (const { recipients } of handed) expect(recipients).toEqual(accepted);
          expect(taken).toHaveLength(result.ok ? 1 : 0);
          const dotWent = !result.ok && result.refusal.stage === 'content';
          expect(handed).toHaveLength(result.ok || dotWent ? 1 : 0);
          if (handed[0]?.answer.match(/^[45]\d\d [45]/))
            expect(told(result)).toBe(`content: ${handed[0].answer.replace(CLOSE, '')}`);
        }
        await to.stop();
        await nextHops.close();
      },
    ),
    { numRuns: 600 },
  );
}, 60_000);
