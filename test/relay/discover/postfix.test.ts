/** Discover at real next hops: Postfix that knows its mailboxes, and Postfix that takes everything. */

import { expect, it, onTestFinished } from 'vitest';
import { type Postfix, startPostfix } from '../../support/postfix.ts';
import type { PostfixOptions } from '../../support/postfix-settings.ts';
import { discovering, searching } from './searching.ts';

async function postfix(options: PostfixOptions): Promise<Postfix> {
  const started = await startPostfix(options);
  onTestFinished(() => started.stop());
  return started;
}

it('finds each user in the tenant that has them, and nobody where nobody is', async () => {
  const [one, two] = await Promise.all([
    postfix({
      mailboxes: ['john@tenant1.example', 'both@tenant1.example'],
      // After so many unknown recipients on one connection Postfix closes it; the default is 20.
      settings: { smtpd_hard_error_limit: '4' },
    }),
    postfix({ mailboxes: ['mary@tenant2.example', 'both@tenant2.example', '"a b"@tenant2.example'] }),
  ]);
  const { find, until } = searching(discovering([one.port, two.port]));
  expect(await find('john@shared.example')).toBe('john@tenant1.example');
  expect(await find('mary@shared.example')).toBe('mary@tenant2.example');
  expect(await find('both@shared.example')).toBe('both@tenant1.example');
  await Promise.all([until('tenant1 Checks'), until('tenant2 Checks')]);
  for (let nth = 1; nth <= 15; nth += 1) {
    expect(await find(`nobody${nth}@shared.example`)).toBe('550 5.1.1');
  }
  expect(one.log()).toContain('too many errors');
  for (const host of [one, two]) expect(host.log()).not.toMatch(/queue active/);
});

it('leaves out a Postfix that takes everything, and does not answer for one that is gone', async () => {
  const to = { host: '127.0.0.1', port: 1 };
  const [one, two] = await Promise.all([
    postfix({ relay: { domains: ['tenant1.example'], to } }),
    postfix({ mailboxes: ['mary@tenant2.example'] }),
  ]);
  const { find, until } = searching(discovering([one.port, two.port]));
  await until('tenant1 CatchAll');
  expect(await find('mary@shared.example')).toBe('mary@tenant2.example');
  expect(await find('john@shared.example')).toBe('451 4.4.3');
  await two.stop();
  expect(await find('eve@shared.example')).toBe('451 4.4.3');
});
