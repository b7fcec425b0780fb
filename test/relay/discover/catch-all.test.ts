/** A next hop that takes addresses that nobody has is found out, left out, and asked again. */

import { expect, it } from 'vitest';
import { among, askedOf, discovering, HOUR, knows, MINUTE, nobodiesOf, UNKNOWN } from './searching.ts';

const JOHN = knows(['john@tenant1.example']);
const EVERYBODY = knows([], '250 2.1.5 ok');

it('at the start every next hop is asked for an address that nobody has', async () => {
  const { peers, until } = await among([JOHN, EVERYBODY]);
  await until('tenant1 Checks');
  await until('tenant2 CatchAll');
  expect(nobodiesOf(peers[0])).toEqual([expect.stringMatching(/^isthmus-recipient-check-x\d+@tenant1\.example$/)]);
  expect(peers[1]?.conversations.flatMap(({ commands }) => commands)).toContain('MAIL FROM:<>');
});

it('never gets mail by a guess, not even before it was found out', async () => {
  const { find } = await among([EVERYBODY]);
  expect(await find('john@shared.example')).toBe('451 4.4.3');
});

it('is left out: the next tenant is asked, and who is unknown there may live at the catch-all', async () => {
  const { peers, until, find } = await among([EVERYBODY, knows(['mary@tenant2.example'])]);
  await until('tenant1 CatchAll');
  expect(await find('mary@shared.example')).toBe('mary@tenant2.example');
  expect(await find('nobody@shared.example')).toBe('451 4.4.3');
  expect(askedOf(peers[0])).toEqual([]);
});

it('is asked every hour with another address, and believed as soon as it refuses one', async () => {
  let answer = '250 2.1.5 ok';
  const john = 'john@tenant1.example';
  const { peers, until, find, pass } = await among([{ RCPT: (path) => (path === john ? '250 ok' : answer) }]);
  await until('tenant1 CatchAll');
  answer = UNKNOWN;
  pass(HOUR - 1);
  expect(await find('john@shared.example')).toBe('451 4.4.3');
  pass(1);
  await until('tenant1 Checks');
  expect(await find('john@shared.example')).toBe(john);
  expect(new Set(nobodiesOf(peers[0])).size).toBe(2);
});

it('may begin to be one: what it takes from then on is not believed', async () => {
  let answer = UNKNOWN;
  const john = 'john@tenant1.example';
  const { until, find, pass } = await among([{ RCPT: (path) => (path === john ? '250 ok' : answer) }]);
  await until('tenant1 Checks');
  expect(await find('john@shared.example')).toBe(john);
  answer = '250 2.1.5 ok';
  pass(HOUR);
  await until('tenant1 CatchAll');
  expect(await find('john@shared.example')).toBe('451 4.4.3');
});

it('is not known when it gives no clear answer: 451 for what it takes, a no is a no, and it is asked again in a minute', async () => {
  let answer = '450 4.3.2 starting';
  const john = 'john@tenant1.example';
  const script = knows([john]);
  const { peers, seen, until, find, pass } = await among([
    {
      RCPT: (path) =>
        path.startsWith('isthmus') ? answer : typeof script.RCPT === 'function' ? script.RCPT(path) : '',
    },
  ]);
  await until('tenant1 unclear: rcpt: 450 4.3.2 starting');
  expect(await find('john@shared.example')).toBe('451 4.4.3');
  expect(await find('nobody@shared.example')).toBe('550 5.1.1');
  pass(MINUTE - 1);
  expect(await find('john@shared.example')).toBe('451 4.4.3');
  expect(nobodiesOf(peers[0])).toHaveLength(1);
  pass(1);
  await until('asked nobody Undecided', 2);
  expect(await find('john@shared.example')).toBe('451 4.4.3');
  answer = UNKNOWN;
  pass(MINUTE);
  await until('tenant1 Checks');
  expect(await find('john@shared.example')).toBe(john);
  expect(seen.filter((what) => what.startsWith('tenant1 unclear'))).toHaveLength(1);
});

it('is asked anew when its tenant route changes, and no more when nobody discovers', async () => {
  const { peers, ports, until, update, pass } = await among([EVERYBODY]);
  await until('tenant1 CatchAll');
  update(discovering(ports, '2'));
  await until('tenant1 CatchAll', 2);
  update({ ...discovering(ports, '2'), sharedDomains: [] });
  await until('tenant1 Unproven');
  pass(HOUR);
  expect(nobodiesOf(peers[0])).toHaveLength(2);
});

it('is asked no more once the relay ends', async () => {
  const { peers, until, discoverer, pass } = await among([JOHN]);
  await until('tenant1 Checks');
  discoverer.close();
  pass(HOUR);
  discoverer.update(discovering([1], '2'));
  expect(nobodiesOf(peers[0])).toHaveLength(1);
});
