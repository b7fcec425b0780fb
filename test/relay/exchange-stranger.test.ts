/** Whatever another customer of Exchange Online says, in whatever order: nobody outside the shared domain ever hears of it. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { commands, start } from './exchange-fixture.ts';
import { FOREIGN, ONE, TENANT_ID, TWO } from './exchange-world.ts';

const PATHS = ['john@tenant1.example', 'john@shared.example', 'eve@foreign.example', ''];
const SHARED = ['mary@shared.example', 'ghost@shared.example', 'postmaster@shared.example'];
const ELSEWHERE = ['bob@world.example', 'bob@tenant1.example', 'bob@tenant2.example', 'mary@tenant2.example'];
/** Lines that prove nothing: a stranger's id, a second one beside a tenant's, or a tenant's where it does not count. */
const HEADERS = [
  [],
  [`${TENANT_ID}: ${FOREIGN}`],
  [`${TENANT_ID}: ${FOREIGN}`, `${TENANT_ID}: ${ONE}`],
  [`${TENANT_ID}: ${TWO}`, `${TENANT_ID}: ${TWO}`],
  ['X-Folded: x', ` ${TENANT_ID}: ${ONE}`],
  [`X-Original-${TENANT_ID}: ${ONE}`, 'X-OriginatorOrg: tenant1.onmicrosoft.example'],
  ['', `${TENANT_ID}: ${ONE}`],
];

const mail = fc
  .tuple(fc.constantFrom(...PATHS), fc.constantFrom('', ' XOORG=foreign.example'))
  .map(([path, parameter]) => `MAIL FROM:<${path}>${parameter}`);
const recipient = fc.constantFrom(...SHARED, ...SHARED, ...ELSEWHERE).map((path) => `RCPT TO:<${path}>`);
const content = fc.constantFrom(...HEADERS).map((lines) => ['From: john@tenant1.example', ...lines, '', 'Hello', '']);
const other = fc.constantFrom('RSET', 'EHLO again.example', 'NOOP', 'DATA now');
/** Mostly in order, as what is out of order ends soon. */
const move = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(mail, fc.array(recipient, { minLength: 1, maxLength: 3 }), content)
      .map(([from, to, what]) => [from, ...to, what]),
  },
  { weight: 1, arbitrary: fc.oneof(mail, recipient, content, other).map((one) => [one]) },
);

it('reaches only those whom the internet reaches, and makes nobody hear of the others', async () => {
  const at = await start({ parts: { limits: { messagesPerMinutePerClient: 100_000 } } });
  let messages = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(move, { minLength: 1, maxLength: 4 }), async (moves) => {
      const client = await at.client();
      for (const what of moves.flat()) {
        const { code } = typeof what === 'string' ? await client.command(what) : await client.data(what.join('\r\n'));
        if (typeof what !== 'string' && code === 250) messages++;
        // Ten mistakes in a row, and the relay has heard enough.
        if (code === 421) return client.destroy();
      }
      await client.quit();
      expect(at.world.conversations).toEqual([]);
      const asked = [at.tenant1, at.tenant2].flatMap(commands).filter((line) => line.startsWith('RCPT'));
      const allowed = ['mary@tenant2.example', 'ghost@shared.example', 'postmaster@tenant1.example'];
      expect(asked.filter((line) => !allowed.includes(line.slice('RCPT TO:<'.length, -1)))).toEqual([]);
    }),
    { numRuns: 150, seed: 4 },
  );
  expect(messages).toBeGreaterThan(50);
  const heard = [at.tenant1, at.tenant2].flatMap((peer) => peer.conversations.flatMap(({ contents }) => contents));
  expect(heard).toHaveLength(messages);
  for (const content of heard) {
    const [header = ''] = content.split('\r\n\r\n');
    expect(header).not.toMatch(/^x-ms-exchange-crosstenant|^x-originatororg/im);
    expect(header).toMatch(/^From: john@tenant1\.example\r?$/m);
  }
});
