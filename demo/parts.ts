/** The parts of the story, in their order. */

import { type Part, site } from './part.ts';
import { ACTS, MAILBOXES } from './story.ts';
import { AUTHORITY_PART } from './story-authority.ts';
import { EXCHANGE_ONLINE_PART } from './story-exchange-online.ts';

/** `npm run demo -- --keep` leaves it running. */
export const TWO_TENANTS_PART: Part = {
  title: 'Two tenants, one domain',
  remark: 'Tenant 1, tenant 2 and the internet are mail systems on this machine, known by their certificates.',
  sample: 'deploy/samples/two-tenants',
  overlay: 'demo/overlay',
  domain: 'shared.example',
  sites: {
    tenant1: site('mail.tenant1.example', MAILBOXES.tenant1),
    tenant2: site('mail-a.tenant2.example', MAILBOXES.tenant2),
    world: { name: 'mx.world.example', hasMailbox: (address) => address.endsWith('@world.example') },
  },
  origins: {
    tenant1: { name: 'mail.tenant1.example', certificate: 'mail.tenant1.example' },
    tenant2: { name: 'mail-a.tenant2.example', certificate: 'mail-a.tenant2.example' },
    world: { name: 'mx.world.example' },
    stranger: { name: 'stranger.invalid' },
  },
  acts: ACTS,
};

export const PARTS: readonly Part[] = [TWO_TENANTS_PART, EXCHANGE_ONLINE_PART, AUTHORITY_PART];
