/** The second part of the story, as data: both tenants are in Exchange Online, and so is everybody else. */

import { type Act, delivered } from './act.ts';
import { ANNA, anna, JOHN, john, MARY, mary, stamp, TESS } from './exchange-online-cast.ts';
import { type Part, site } from './part.ts';
import { NEWCOMER } from './story-newcomer.ts';
import { STRANGERS } from './story-strangers.ts';

const ALICE = { tenant: 'alice.adams@tenant1.example', shared: 'alice.adams@shared.example' };
const alice = (address: string) => `Alice Adams <${address}>`;
const BEN = { tenant: 'ben.baker@tenant2.example', shared: 'ben.baker@shared.example' };
const ben = (address: string) => `Ben Baker <${address}>`;
const NOBODY = 'nobody@shared.example';
const GONE = 'bob@world.example';

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
    title: 'John names his organization before the recipients',
    remark:
      'Where Exchange Online may name it on MAIL, the tenant is proven at once, and an unknown recipient is refused ' +
      'before the content is sent.',
    sender: 'tenant1',
    mail: {
      reversePath: JOHN.tenant,
      forwardPaths: [GONE],
      from: john(JOHN.tenant),
      to: GONE,
      subject: 'Our second offer',
      text: 'Dear Bob, here is our second offer.',
      fields: stamp('tenant1.example'),
      organization: 'tenant1.example',
    },
    outcomes: [{ reply: '550 5.1.1', refused: { [GONE]: '550 5.1.1' }, asked: { world: true } }],
  },
  {
    title: 'The world writes to Ben, whom no rule names',
    remark: 'The tenants are asked one after the other who knows him: tenant 1 does not, tenant 2 does.',
    sender: 'world',
    mail: {
      reversePath: ANNA,
      forwardPaths: [BEN.shared],
      from: anna,
      to: ben(BEN.shared),
      subject: 'Invoice address',
      text: 'Dear Ben, where shall we send the invoice?',
    },
    outcomes: [
      {
        ...delivered({
          at: 'tenant2',
          reversePath: ANNA,
          forwardPaths: [BEN.tenant],
          from: anna,
          to: ben(BEN.shared),
          signedBy: 'world.example',
        }),
        asked: { tenant1: true },
      },
    ],
  },
  {
    title: 'The world writes to somebody whom neither tenant knows',
    remark: 'Only when all of them have said no does the address not exist.',
    sender: 'world',
    mail: {
      reversePath: ANNA,
      forwardPaths: [NOBODY],
      from: anna,
      to: NOBODY,
      subject: 'Anybody there?',
      text: 'Hello?',
    },
    outcomes: [{ reply: '550 5.1.1', refused: { [NOBODY]: '550 5.1.1' }, asked: { tenant1: true, tenant2: true } }],
  },
];

/** What any server of Exchange Online shows, whichever customer it sends for. */
const EXCHANGE_ONLINE = { name: 'eur05.outbound.protection.outlook.com', certificate: 'mail.protection.outlook.com' };

export const EXCHANGE_ONLINE_PART: Part = {
  title: 'Two tenants of Exchange Online',
  remark:
    'John and Mary again, with both tenants in Exchange Online, which sends for all of its customers from the same ' +
    'addresses, with the same certificate. What tells them apart is the id of the tenant in the header.',
  sample: 'deploy/samples/two-exchange-tenants',
  overlay: 'demo/exchange-online',
  domain: 'shared.example',
  sites: {
    tenant1: site('tenant1-example.mail.protection.outlook.com', [JOHN.tenant, ALICE.tenant]),
    tenant2: site('tenant2-example.mail.protection.outlook.com', [MARY.tenant, BEN.tenant]),
    tenant10: site('tenant10-example.mail.protection.outlook.com', [TESS.tenant]),
    world: site('mx.world.example', [ANNA]),
  },
  origins: {
    tenant1: EXCHANGE_ONLINE,
    tenant2: EXCHANGE_ONLINE,
    tenant10: EXCHANGE_ONLINE,
    customer: EXCHANGE_ONLINE,
    stranger: { ...EXCHANGE_ONLINE, selfMade: true },
    world: { name: 'mx.world.example' },
  },
  acts: [...ACTS, ...STRANGERS, ...NEWCOMER],
};
