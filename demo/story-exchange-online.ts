/** The second part of the story, as data: both tenants are in Exchange Online, and so is everybody else. */

import type { Act, Expected, Outcome } from './act.ts';
import type { Mail } from './message.ts';
import type { Part } from './part.ts';

const JOHN = { tenant: 'john.smith@tenant1.example', shared: 'john.smith@shared.example' };
const ALICE = { tenant: 'aadams@tenant1.example', shared: 'alice.adams@shared.example' };
const MARY = { tenant: 'mary.jones@tenant2.example', shared: 'mary.jones@shared.example' };
const TESS = { tenant: 'tturner@tenant10.example', shared: 'tess.turner@shared.example' };
const ANNA = 'anna@world.example';
const MALLORY = 'mallory@customer.example';

const john = (address: string) => `John Smith <${address}>`;
const alice = (address: string) => `Alice Adams <${address}>`;
const mary = (address: string) => `Mary Jones <${address}>`;
const tess = (address: string) => `Tess Turner <${address}>`;
const anna = `Anna Berg <${ANNA}>`;
const mallory = `Mallory Marsh <${MALLORY}>`;

const TENANT_IDS = {
  'tenant1.example': '1b6f9a34-5c1e-4d0c-9a52-6f0f3d2c7e01',
  'tenant2.example': '2d8c7b15-0e4f-4a6b-8b13-9c1a5e7f4d02',
  'tenant10.example': 'a07e3c58-7d2b-4c95-b6e4-1f8d2a9c5b10',
  'customer.example': 'c9f04d7e-2a86-4be1-93c5-8e7b6a1d0f99',
} as const;

/** What Exchange Online writes into each message that leaves the tenant of that domain. */
function stamp(domain: keyof typeof TENANT_IDS): [string, string][] {
  return [
    ['X-MS-Exchange-CrossTenant-Id', TENANT_IDS[domain]],
    ['X-MS-Exchange-CrossTenant-AuthAs', 'Internal'],
    ['X-OriginatorOrg', domain],
  ];
}

const delivered = (arrives: Expected): Outcome => ({ reply: '250 ', arrives });
/** Every recipient was accepted; the message was not, and nobody outside has heard of it. */
const relayingRefused: Outcome = { reply: '550 5.7.1', asked: { world: false } };

/** Mail in John's name to Anna, to be relayed. */
const invoice: Mail = {
  reversePath: JOHN.tenant,
  forwardPaths: [ANNA],
  from: john(JOHN.tenant),
  to: anna,
  subject: 'Please pay this invoice',
  text: 'At once.',
};

const newcomer: Mail = {
  reversePath: TESS.tenant,
  forwardPaths: [ANNA],
  from: tess(TESS.tenant),
  to: anna,
  subject: 'We have joined',
  text: 'Dear Anna, from today on we are a part of it as well.',
  fields: stamp('tenant10.example'),
};

const ACTS: readonly Act[] = [
  {
    title: 'John writes out, from Exchange Online',
    remark:
      'His tenant shows the certificate that all of its customers show. Recipients are accepted provisionally; the id ' +
      'in the header proves his tenant, and only then is the internet asked.',
    sender: 'tenant1',
    mail: {
      reversePath: JOHN.tenant,
      forwardPaths: [ANNA],
      from: john(JOHN.tenant),
      to: anna,
      cc: alice(ALICE.tenant),
      subject: 'Our second offer',
      text: 'Dear Anna, here is our second offer.',
      fields: stamp('tenant1.example'),
    },
    outcomes: [
      delivered({
        at: 'world',
        reversePath: JOHN.shared,
        forwardPaths: [ANNA],
        from: john(JOHN.shared),
        to: anna,
        cc: alice(ALICE.shared),
        signedBy: 'shared.example',
      }),
    ],
  },
  {
    title: 'Mary writes to John, from one tenant of Exchange Online to another',
    remark:
      'A shared address may be asked for before the proof, as the whole internet may. What the id changes is who writes.',
    sender: 'tenant2',
    mail: {
      reversePath: MARY.tenant,
      forwardPaths: [JOHN.shared],
      from: mary(MARY.tenant),
      to: john(JOHN.shared),
      subject: 'Your second offer',
      text: 'Dear John, well done.',
      fields: stamp('tenant2.example'),
    },
    outcomes: [
      delivered({
        at: 'tenant1',
        reversePath: MARY.shared,
        forwardPaths: [JOHN.tenant],
        from: mary(MARY.shared),
        to: john(JOHN.shared),
        signedBy: 'shared.example',
      }),
    ],
  },
  {
    title: 'A stranger with a tenant of his own tries to relay',
    remark:
      "The right address, the right certificate, John's name; the id is his own. Refused after the dot, and the " +
      "internet's mail system was never asked.",
    sender: 'customer',
    mail: { ...invoice, fields: stamp('customer.example') },
    outcomes: [relayingRefused],
  },
  {
    title: "He writes John's tenant id into the header",
    remark: 'Exchange Online adds the true one. Two ids are one too many.',
    sender: 'customer',
    mail: { ...invoice, fields: [...stamp('tenant1.example'), ...stamp('customer.example')] },
    outcomes: [relayingRefused],
  },
  {
    title: 'He leaves Exchange Online, and makes its certificate himself',
    remark: 'A name without an authority behind it is nobody: the internet, which may not relay.',
    sender: 'stranger',
    mail: { ...invoice, fields: stamp('tenant1.example') },
    outcomes: [{ reply: '550 5.7.1', refused: { [ANNA]: '550 5.7.1' }, asked: { world: false } }],
  },
  {
    title: 'He writes to Mary, as every customer of Exchange Online may',
    remark:
      'Whose id is no tenant of ours is the internet from then on, and the internet writes to shared addresses all day.',
    sender: 'customer',
    mail: {
      reversePath: MALLORY,
      forwardPaths: [MARY.shared],
      from: mallory,
      to: mary(MARY.shared),
      subject: 'A question',
      text: 'Dear Mary, do you still sell these?',
      fields: stamp('customer.example'),
    },
    outcomes: [
      delivered({
        at: 'tenant2',
        reversePath: MALLORY,
        forwardPaths: [MARY.tenant],
        from: mallory,
        to: mary(MARY.shared),
        signedBy: undefined,
      }),
    ],
  },
  {
    title: 'He writes to Mary as if he were John',
    remark:
      'From and reverse-path prove nothing: his mail is not made to look like mail of the shared domain, and not signed.',
    sender: 'customer',
    mail: {
      reversePath: JOHN.tenant,
      forwardPaths: [MARY.shared],
      from: john(JOHN.tenant),
      to: mary(MARY.shared),
      subject: 'A favour',
      text: 'Dear Mary, please pay this invoice for me.',
      fields: stamp('customer.example'),
    },
    outcomes: [
      delivered({
        at: 'tenant2',
        reversePath: JOHN.tenant,
        forwardPaths: [MARY.tenant],
        from: john(JOHN.tenant),
        to: mary(MARY.shared),
        signedBy: undefined,
      }),
    ],
  },
  {
    title: 'Tess writes out, whose tenant does not take part yet',
    remark: 'Tenant 10 is one customer of Exchange Online among all others.',
    sender: 'tenant10',
    mail: newcomer,
    outcomes: [relayingRefused],
  },
  {
    title: 'A tenth tenant joins while everything runs',
    remark: 'Its manifests are written into the folder. The same message is now mail of the shared domain.',
    sender: 'tenant10',
    joining: {
      manifests: 'demo/tenth-tenant',
      meanwhile: {
        sender: 'tenant1',
        mail: {
          reversePath: JOHN.tenant,
          forwardPaths: [MARY.shared],
          from: john(JOHN.tenant),
          to: mary(MARY.shared),
          subject: 'Still there?',
          text: 'Dear Mary, do you notice anything?',
          fields: stamp('tenant1.example'),
        },
        at: 'tenant2',
      },
    },
    mail: newcomer,
    outcomes: [
      delivered({
        at: 'world',
        reversePath: TESS.shared,
        forwardPaths: [ANNA],
        from: tess(TESS.shared),
        to: anna,
        signedBy: 'shared.example',
      }),
    ],
  },
  {
    title: 'The world answers Tess',
    remark: 'Her address rule is nearer than the domain rule of tenant 2.',
    sender: 'world',
    mail: {
      reversePath: ANNA,
      forwardPaths: [TESS.shared],
      from: anna,
      to: tess(TESS.shared),
      subject: 'Re: We have joined',
      text: 'Dear Tess, welcome.',
    },
    outcomes: [
      delivered({
        at: 'tenant10',
        reversePath: ANNA,
        forwardPaths: [TESS.tenant],
        from: anna,
        to: tess(TESS.shared),
        signedBy: 'world.example',
      }),
    ],
  },
];

/** What any server of Exchange Online shows, whichever customer it sends for. */
const EXCHANGE_ONLINE = { name: 'eur05.outbound.protection.outlook.com', certificate: 'mail.protection.outlook.com' };

const site = (name: string, mailboxes: readonly string[]) => ({
  name,
  hasMailbox: (address: string) => mailboxes.includes(address),
});

export const EXCHANGE_ONLINE_PART: Part = {
  title: 'Two tenants of Exchange Online',
  remark:
    'John and Mary again, with both tenants in Exchange Online, which sends for all of its customers from the same ' +
    'addresses, with the same certificate. What tells them apart is the id of the tenant in the header.',
  sample: 'deploy/samples/two-tenants',
  overlay: 'demo/exchange-online',
  domain: 'shared.example',
  sites: {
    tenant1: site('tenant1-example.mail.protection.outlook.com', [JOHN.tenant, ALICE.tenant]),
    tenant2: site('tenant2-example.mail.protection.outlook.com', [MARY.tenant]),
    tenant10: site('tenant10-example.mail.protection.outlook.com', [TESS.tenant]),
    world: { name: 'mx.world.example', hasMailbox: (address) => address.endsWith('@world.example') },
  },
  origins: {
    tenant1: EXCHANGE_ONLINE,
    tenant2: EXCHANGE_ONLINE,
    tenant10: EXCHANGE_ONLINE,
    customer: EXCHANGE_ONLINE,
    stranger: { ...EXCHANGE_ONLINE, selfMade: true },
    world: { name: 'mx.world.example' },
  },
  acts: ACTS,
};
