/** Discover at next hops that answer as they like: in order, never a guess, what is kept and for how long. */

import { describe, expect, it } from 'vitest';
import { CLOSE, type Script } from '../next-hop/scripted-peer.ts';
import { among, askedOf, candidatesFor, discovering, HOUR, knows, MINUTE } from './searching.ts';

const JOHN = knows(['john@tenant1.example']);
const MARY = knows(['mary@tenant2.example']);

describe('a search', () => {
  it('asks with a claim of its own, sends nothing, and lets the next hop go', async () => {
    const { peers, find } = await among([JOHN]);
    expect(await find('john@shared.example')).toBe('john@tenant1.example');
    const conversation = peers[0]?.conversations.find(({ commands }) =>
      commands.includes('RCPT TO:<john@tenant1.example>'),
    );
    const at = conversation?.commands.indexOf('RCPT TO:<john@tenant1.example>') ?? 0;
    expect(conversation?.commands[at - 1]).toBe('MAIL FROM:<>');
    await peers[0]?.until(() => conversation?.commands[at + 1] === 'RSET');
    expect(peers[0]?.conversations.flatMap(({ commands }) => commands)).not.toContain('DATA');
  });

  it('goes on from a clear no to the next tenant', async () => {
    const { peers, find } = await among([JOHN, MARY]);
    expect(await find('mary@shared.example')).toBe('mary@tenant2.example');
    expect(askedOf(peers[0])).toEqual(['mary@tenant1.example']);
  });

  it('ends at the first tenant that takes the address: a migrated user exists in both', async () => {
    const { peers, find } = await among([JOHN, knows(['john@tenant2.example'])]);
    expect(await find('john@shared.example')).toBe('john@tenant1.example');
    expect(askedOf(peers[1])).toEqual([]);
  });

  it('that ends with a no from everybody is an unknown user', async () => {
    const { seen, find } = await among([JOHN, knows([], '550 5.4.1 Recipient address rejected: Access denied')]);
    expect(await find('nobody@shared.example')).toBe('550 5.1.1');
    expect(seen).toContain('discovered Unknown');
  });

  it.each<[string, Script]>([
    ['a 4xx', knows([], '450 4.7.1 greylisted')],
    ['another 5xx', knows([], '550 5.2.1 disabled')],
    ['a 5xx without a status', knows([], '550 no such user')],
    ['a lost connection', knows([], CLOSE)],
    ['a refused connection', { greeting: `421 4.3.2 busy${CLOSE}` }],
    ['a refused sender', { MAIL: '550 5.1.8 no' }],
  ])('that meets %s stops there: 451, never a guess', async (_name, script) => {
    const { peers, find } = await among([script, knows(['john@tenant2.example'])]);
    expect(await find('john@shared.example')).toBe('451 4.4.3');
    expect(askedOf(peers[1])).toEqual([]);
  });

  it('that meets a next hop which refuses this relay says so to the admin', async () => {
    const { seen, find } = await among([knows([], '550 5.7.64 TenantAttribution; Relay Access Denied')]);
    expect(await find('john@shared.example')).toBe('451 4.4.3');
    expect(seen).toContain('tenant1 refuses: it attributes this relay to no tenant (TenantAttribution)');
  });

  it('tells tracking who said what', async () => {
    const { explain } = await among([JOHN, knows([], '450 4.2.0 later')]);
    expect(await explain('mary@shared.example')).toBe(
      'tenant1: Unknown (rcpt: 550 5.1.1 no such user here); tenant2: Undecided (rcpt: 450 4.2.0 later)',
    );
  });

  it('without anybody to ask is an unknown user: the only tenant is the one it came from', async () => {
    const { discoverer } = await among([JOHN]);
    expect(await discoverer.discover([], undefined)).toMatchObject({ result: 'Unknown', cause: 'no tenant was asked' });
  });
});

describe('answers', () => {
  it.each<[string, string, number]>([
    ['a yes for an hour', 'john', HOUR],
    ['a no for five minutes', 'nobody', 5 * MINUTE],
  ])('are kept: %s', async (_name, localPart, kept) => {
    const { peers, find, pass } = await among([JOHN]);
    const first = await find(`${localPart}@shared.example`);
    pass(kept - 1);
    expect(await find(`${localPart}@shared.example`)).toBe(first);
    expect(askedOf(peers[0])).toHaveLength(1);
    pass(1);
    expect(await find(`${localPart}@shared.example`)).toBe(first);
    expect(askedOf(peers[0])).toHaveLength(2);
  });

  it('that are no answers are never kept', async () => {
    const { peers, find } = await among([knows([], '450 4.2.1 later')]);
    await find('john@shared.example');
    await find('john@shared.example');
    expect(askedOf(peers[0])).toHaveLength(2);
  });

  it('hold for every spelling of one mailbox', async () => {
    const { peers, find } = await among([JOHN]);
    for (const spelling of ['nobody', 'NoBody', '"nobody"', '"NOBODY"']) await find(`${spelling}@SHARED.example`);
    expect(askedOf(peers[0])).toEqual(['nobody@tenant1.example']);
  });

  it('are asked for once by many at the same time', async () => {
    const { peers, find } = await among([JOHN, MARY]);
    const found = await Promise.all(Array.from({ length: 20 }, () => find('mary@shared.example')));
    expect(new Set(found)).toEqual(new Set(['mary@tenant2.example']));
    expect([askedOf(peers[0]), askedOf(peers[1])]).toEqual([['mary@tenant1.example'], ['mary@tenant2.example']]);
  });

  it('belong to the configuration they were given under', async () => {
    const { peers, ports, find, update } = await among([JOHN]);
    await find('john@shared.example');
    update(discovering(ports, '1'));
    await find('john@shared.example');
    expect(askedOf(peers[0])).toHaveLength(1);
    update(discovering(ports, '2'));
    await find('john@shared.example');
    expect(askedOf(peers[0])).toHaveLength(2);
  });

  it('are forgotten, the oldest first, when there are too many', async () => {
    const { peers, find } = await among([JOHN], { limits: { answers: 2 } });
    for (const name of ['a', 'b', 'c', 'b', 'a']) await find(`${name}@shared.example`);
    const asked = askedOf(peers[0]).map((path) => path[0]);
    expect(['a', 'b', 'c'].map((name) => asked.filter((one) => one === name).length)).toEqual([2, 1, 1]);
  });

  it('are forgotten when the mailbox has left meanwhile', async () => {
    const users = ['john@tenant1.example'];
    const { ports, discoverer, find } = await among([knows(users), knows(['john@tenant2.example'])]);
    await find('john@shared.example');
    users.pop();
    expect(await find('john@shared.example')).toBe('john@tenant1.example');
    const [found] = candidatesFor(discovering(ports), 'john@shared.example');
    if (found !== undefined) discoverer.forget(found);
    expect(await find('john@shared.example')).toBe('john@tenant2.example');
  });
});

describe('a configuration that changes', () => {
  it('makes no bounce of a search that began before', async () => {
    const { ports, discoverer, update } = await among([JOHN]);
    const before = candidatesFor(discovering(ports), 'nobody@shared.example');
    const renamed = discovering(ports, '2');
    update({ ...renamed, tenantRoutes: renamed.tenantRoutes.map((route) => ({ ...route, domains: ['new.example'] })) });
    expect(await discoverer.discover(before, undefined)).toMatchObject({ result: 'Undecided' });
    update({ ...renamed, tenantRoutes: [], sharedDomains: [] });
    expect(await discoverer.discover(before, undefined)).toMatchObject({ result: 'Undecided' });
  });
});
