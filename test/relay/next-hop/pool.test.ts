import { describe, expect, test } from 'vitest';
import { CLOSE } from './scripted-peer.ts';
import { claimOf, configFor, message, peer, sending, sendingTo, sendOne, soon, tenantHop, told } from './sending.ts';

const ONE = { limits: { connections: 1 } };

function counts(nextHops: ReturnType<typeof sending>) {
  return nextHops.connections().find(({ name }) => name === 'tenant1');
}

describe('the limit of connections', () => {
  test('is never passed, and everybody is served in the end', async () => {
    const to = await peer({});
    const nextHops = sendingTo(to, {}, { limits: { connections: 3 } });
    const results = await Promise.all(Array.from({ length: 20 }, () => sendOne(nextHops)));
    expect(new Set(results)).toEqual(new Set(['250 2.0.0 taken']));
    expect(to.conversations).toHaveLength(3);
    expect(counts(nextHops)).toEqual({ name: 'tenant1', open: 3, idle: 3, waiting: 0 });
  });

  test('whoever waits too long is put off', async () => {
    const to = await peer({});
    const nextHops = sendingTo(to, { slot: 5 }, ONE);
    const holder = claimOf(nextHops);
    await holder.recipient('a@t.example');
    expect(await sendOne(nextHops)).toMatch(/^connect: nothing => 451 4.4.5/);
    expect(told(await holder.deliver(message(), soon()))).toBe('250 2.0.0 taken');
  });

  test('a slow client’s claim is let go for one that waits, and played again later', async () => {
    const to = await peer({});
    const nextHops = sendingTo(to, { yield: 5 }, ONE);
    const slow = claimOf(nextHops, {}, 'slow@b.example');
    await slow.recipient('a@t.example');
    expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
    expect(told(await slow.deliver(message(), soon()))).toBe('250 2.0.0 taken');
    expect(to.conversations).toHaveLength(1);
    const mails = to.conversations[0]?.commands.filter((line) => /^(MAIL|RSET)/.test(line));
    expect(mails).toEqual([
      'MAIL FROM:<slow@b.example>',
      'RSET',
      'MAIL FROM:<a@b.example>',
      'MAIL FROM:<slow@b.example> SIZE=21',
    ]);
  });

  test('many slow clients are all asked for and all served over few connections', async () => {
    const to = await peer({});
    const nextHops = sendingTo(to, { yield: 1 }, { limits: { connections: 2 } });
    const claims = Array.from({ length: 40 }, () => claimOf(nextHops));
    const asked = await Promise.all(claims.map((claim, index) => claim.recipient(`user${index}@t.example`)));
    expect(new Set(asked.map(told))).toEqual(new Set(['250 2.1.5 ok']));
    const delivered = await Promise.all(claims.map((claim) => claim.deliver(message(), soon())));
    expect(new Set(delivered.map(told))).toEqual(new Set(['250 2.0.0 taken']));
    const transactions = to.conversations.flatMap((conversation) => conversation.transactions);
    expect(new Set(transactions.flatMap(({ recipients }) => recipients)).size).toBe(40);
    expect([to.conversations.length, transactions.length]).toEqual([2, 40]);
  });

  test('a lost connection makes room', async () => {
    const to = await peer({}, {});
    const nextHops = sendingTo(to, {}, ONE);
    const first = claimOf(nextHops);
    await first.recipient('a@t.example');
    const second = sendOne(nextHops);
    to.conversations[0]?.close();
    expect(await second).toBe('250 2.0.0 taken');
    expect(to.conversations).toHaveLength(2);
    first.release();
  });

  test('a connection that cannot be made makes room', async () => {
    const to = await peer({ greeting: '554 no' });
    const nextHops = sendingTo(to, {}, ONE);
    const results = await Promise.all(Array.from({ length: 4 }, () => sendOne(nextHops)));
    expect(new Set(results)).toEqual(new Set(['greeting: 554 no']));
    expect(counts(nextHops)).toEqual({ name: 'tenant1', open: 0, idle: 0, waiting: 0 });
  });
});

describe('a next hop that wants less', () => {
  test('gets no more than messagesPerMinute', async () => {
    const to = await peer({});
    const nextHops = sendingTo(to, {}, { limits: { messagesPerMinute: 2 } });
    const results = [await sendOne(nextHops), await sendOne(nextHops), await sendOne(nextHops)];
    expect(results.slice(0, 2)).toEqual(['250 2.0.0 taken', '250 2.0.0 taken']);
    expect(results[2]).toMatch(/^connect: nothing => 451 4.4.5/);
  });

  test.each([
    ['at the greeting', { greeting: `451 4.7.500 server busy` }, true],
    ['at MAIL', { MAIL: '451 4.7.652 too many', RCPT: '503 no' }, true],
    ['at RCPT by an Exchange throttling code', { RCPT: '451 4.7.651 rate limited' }, true],
    ['at RCPT by a greylisting code', { RCPT: '450 4.7.1 try again' }, false],
    ['with another code at MAIL', { MAIL: '451 4.3.0 later', RCPT: '503 no' }, false],
  ])('%s is left alone for a while: %j %s', async (_when, script, paused) => {
    const to = await peer(script);
    const nextHops = sendingTo(to, { pause: 60_000, slot: 5 });
    expect(await sendOne(nextHops)).toMatch(/: 45[01] 4\./);
    const second = await sendOne(nextHops);
    if (paused) expect(second).toMatch(/^connect: nothing => 451 4.4.5/);
    else expect(second).toMatch(/: 45[01] 4\./);
  });

  test('is asked again when the pause is over', async () => {
    const to = await peer({ MAIL: ['451 4.7.500 busy', '250 ok'], RCPT: ['503 no', '250 ok'] });
    const nextHops = sendingTo(to, { pause: 5 });
    expect(await sendOne(nextHops)).toBe('mail: 451 4.7.500 busy');
    expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
  });
});

describe('hosts', () => {
  test('are tried in order, and the one that failed is tried last for a while', async () => {
    const gone = await peer({});
    await gone.stop();
    const bad = await peer({ greeting: '421 4.3.2 no' });
    const good = await peer({});
    const hosts = [gone, bad, good].map(({ port }) => ({ host: '127.0.0.1', port }));
    const nextHops = sendingTo(good, { idle: 1 }, { hosts });
    expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
    await good.until(() => good.conversations[0]?.closed === true);
    expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
    expect([bad.conversations.length, good.conversations.length]).toEqual([1, 2]);
  });

  test.each([
    ['554 5.7.1 never', '421 4.3.2 later', 'greeting: 421 4.3.2 later'],
    ['421 4.3.2 later', '554 5.7.1 never', 'greeting: 421 4.3.2 later'],
    ['554 5.7.1 never', '550 5.7.1 no', 'greeting: 554 5.7.1 never'],
  ])('%s and %s: a refusal for good only if all say so', async (first, second, expected) => {
    const peers = [await peer({ greeting: first }), await peer({ greeting: second })] as const;
    const hosts = peers.map(({ port }) => ({ host: '127.0.0.1', port }));
    expect(await sendOne(sendingTo(peers[0], {}, { hosts }))).toBe(expected);
  });

  test('one that hangs leaves time for the next', async () => {
    const hanging = await peer({ greeting: '' });
    const good = await peer({});
    const hosts = [hanging, good].map(({ port }) => ({ host: '127.0.0.1', port }));
    expect(await sendOne(sendingTo(good, { greeting: 1_000 }, { hosts }))).toBe('250 2.0.0 taken');
  });

  test('that keep one client waiting in vain do not keep the next one waiting as well', async () => {
    const hanging = await peer({ greeting: '' });
    const nextHops = sendingTo(hanging, { greeting: 1_000 });
    expect([await sendOne(nextHops), await sendOne(nextHops)]).toEqual(['greeting: nothing', 'greeting: nothing']);
    expect(hanging.conversations).toHaveLength(1);
  });

  test('of the wrong family are not tried', async () => {
    const to = await peer({});
    expect(await sendOne(sendingTo(to, {}, { addressFamily: 'IPv6' }))).toBe('lookup: nothing');
    expect(to.conversations).toHaveLength(0);
  });
});

describe('a changed configuration', () => {
  test('that changes nothing about a route keeps its connections', async () => {
    const to = await peer({});
    const hop = tenantHop(to.port);
    const nextHops = sending({ hop });
    await sendOne(nextHops);
    nextHops.update(configFor({ hop }), new Map());
    await sendOne(nextHops);
    expect(to.conversations).toHaveLength(1);
  });

  test('with a new generation empties the pool', async () => {
    const to = await peer({});
    const hop = tenantHop(to.port);
    const nextHops = sending({ hop });
    await sendOne(nextHops);
    nextHops.update(configFor({ hop, generation: '2' }), new Map());
    await to.until(() => to.conversations[0]?.closed === true);
    await sendOne(nextHops);
    expect(to.conversations).toHaveLength(2);
  });

  test('lets a delivery that has begun end, and does not use its connection again', async () => {
    const to = await peer({ content: '' }, {});
    const hop = tenantHop(to.port);
    const nextHops = sending({ hop });
    const delivery = sendOne(nextHops);
    await to.until(() => to.conversations[0]?.contents.length === 1);
    nextHops.update(configFor({ hop, generation: '2' }), new Map());
    to.conversations[0]?.say('250 2.0.0 at last\r\n');
    expect(await delivery).toBe('250 2.0.0 at last');
    await to.until(() => to.conversations[0]?.closed === true);
  });

  test('serves those who wait from the new one', async () => {
    const to = await peer({});
    const other = await peer({});
    const nextHops = sending({ hop: tenantHop(to.port, ONE) });
    const holder = claimOf(nextHops);
    await holder.recipient('a@t.example');
    const waiting = sendOne(nextHops);
    nextHops.update(configFor({ hop: tenantHop(other.port), generation: '2' }), new Map());
    expect(await waiting).toBe('250 2.0.0 taken');
    expect(other.conversations).toHaveLength(1);
    holder.release();
  });

  test('without a credential it names changes nothing', async () => {
    const to = await peer({});
    const hop = tenantHop(to.port);
    const nextHops = sending({ hop });
    const auth = { username: 'u', password: 'p' };
    expect(() => nextHops.update(configFor({ hop: { ...hop, auth } }), new Map())).toThrow(/credential "u"/);
    expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
  });
});

describe('closing', () => {
  test('waits for an answer that is owed, lets open claims go and says QUIT', async () => {
    const to = await peer({ content: '' }, {}, {});
    const nextHops = sendingTo(to);
    const delivery = sendOne(nextHops);
    await to.until(() => to.conversations[0]?.contents.length === 1);
    const open = claimOf(nextHops);
    await open.recipient('a@t.example');
    let closed = false;
    const closing = nextHops.close().then(() => {
      closed = true;
    });
    await to.until(() => to.conversations[1]?.closed === true);
    expect(closed).toBe(false);
    to.conversations[0]?.say('250 2.0.0 at last\r\n');
    expect(await delivery).toBe('250 2.0.0 at last');
    await closing;
    expect(told(await open.deliver(message(), soon()))).toMatch(/=> 451 4.3.5/);
    expect(await sendOne(nextHops)).toMatch(/=> 451 4.3.5/);
  });

  test('with nothing open is done at once', async () => {
    const to = await peer({ greeting: CLOSE });
    const nextHops = sendingTo(to);
    await sendOne(nextHops);
    await nextHops.close();
    expect(counts(nextHops)).toEqual({ name: 'tenant1', open: 0, idle: 0, waiting: 0 });
  });
});
