/** The third part of the story, as data: one system is the authority for all addresses, students are in the cloud. */

import { type Act, delivered, type Outcome } from './act.ts';
import { type Part, site } from './part.ts';

const LENA = { tenant: 'llange@live.contoso.example', shared: 'lena.lange@contoso.example' };
/** On premises the shared address is the only one. */
const NORA = 'nora.nilsson@contoso.example';
const NOBODY = 'nobody@contoso.example';
/** She has left: no row of the CSV names her, and the authority's directory does not know her any more. */
const OLGA = 'olga.orlova@contoso.example';
const ANNA = 'anna@world.example';

const lena = (address: string) => `Lena Lange <${address}>`;
const nora = `Nora Nilsson <${NORA}>`;
const anna = `Anna Berg <${ANNA}>`;

/** What Exchange Online writes into each message that leaves the students' tenant. */
const STAMP: readonly [string, string][] = [
  ['X-MS-Exchange-CrossTenant-Id', '5e9a1c70-4b3d-4f28-8a6e-7d0c2f1b9e42'],
  ['X-OriginatorOrg', 'live.contoso.example'],
];

const refused = (address: string): Outcome => ({ reply: '550 5.1.1', refused: { [address]: '550 5.1.1' } });

const ACTS: readonly Act[] = [
  {
    title: 'The world writes to a student',
    remark: 'A row of the CSV names Lena: straight to the cloud, the authority is not asked.',
    sender: 'world',
    mail: {
      reversePath: ANNA,
      forwardPaths: [LENA.shared],
      from: anna,
      to: lena(LENA.shared),
      subject: 'Your application',
      text: 'Dear Lena, we should like to meet you.',
    },
    outcomes: [
      {
        ...delivered({
          at: 'cloud',
          reversePath: ANNA,
          forwardPaths: [LENA.tenant],
          from: anna,
          to: lena(LENA.shared),
          signedBy: 'world.example',
        }),
        asked: { onPremises: false },
      },
    ],
  },
  {
    title: 'Lena answers',
    remark: 'Her tenant is proven by its id; the world sees one university.',
    sender: 'cloud',
    mail: {
      reversePath: LENA.tenant,
      forwardPaths: [ANNA],
      from: lena(LENA.tenant),
      to: anna,
      subject: 'Re: Your application',
      text: 'Dear Anna, with pleasure.',
      fields: STAMP,
    },
    outcomes: [
      delivered({
        at: 'world',
        reversePath: LENA.shared,
        forwardPaths: [ANNA],
        from: lena(LENA.shared),
        to: anna,
        signedBy: 'contoso.example',
      }),
    ],
  },
  {
    title: 'The world writes to a professor',
    remark: 'No rule resolves Nora, so the authority is asked, for the address as it is.',
    sender: 'world',
    mail: {
      reversePath: ANNA,
      forwardPaths: [NORA],
      from: anna,
      to: nora,
      subject: 'A reference for Lena',
      text: 'Dear Nora, what do you say of her?',
    },
    outcomes: [
      delivered({
        at: 'onPremises',
        reversePath: ANNA,
        forwardPaths: [NORA],
        from: anna,
        to: nora,
        signedBy: 'world.example',
      }),
    ],
  },
  {
    title: 'Nora writes to Lena',
    remark: 'The authority does not have her, and hands to the relay what it does not have. Lena exists: delivered.',
    sender: 'onPremises',
    mail: {
      reversePath: NORA,
      forwardPaths: [LENA.shared],
      from: nora,
      to: lena(LENA.shared),
      subject: 'A reference',
      text: 'Dear Lena, I have written one.',
    },
    outcomes: [
      delivered({
        at: 'cloud',
        reversePath: NORA,
        forwardPaths: [LENA.tenant],
        from: nora,
        to: lena(LENA.shared),
        signedBy: 'contoso.example',
      }),
    ],
  },
  {
    title: 'Lena thanks her',
    remark: 'The cloud does not know Nora either; the relay takes her address to the authority.',
    sender: 'cloud',
    mail: {
      reversePath: LENA.tenant,
      forwardPaths: [NORA],
      from: lena(LENA.tenant),
      to: nora,
      subject: 'Re: A reference',
      text: 'Dear Nora, thank you.',
      fields: STAMP,
    },
    outcomes: [
      delivered({
        at: 'onPremises',
        reversePath: LENA.shared,
        forwardPaths: [NORA],
        from: lena(LENA.shared),
        to: nora,
        signedBy: 'contoso.example',
      }),
    ],
  },
  {
    title: 'The world writes to a student whom nobody knows',
    remark: "The authority's no, passed on before the content was sent: it alone says who does not exist.",
    sender: 'world',
    mail: {
      reversePath: ANNA,
      forwardPaths: [NOBODY],
      from: anna,
      to: NOBODY,
      subject: 'Your application',
      text: 'Anybody there?',
    },
    outcomes: [{ ...refused(NOBODY), asked: { onPremises: true, cloud: false } }],
  },
  {
    title: 'Lena writes to somebody who has left',
    remark: "To the authority as well, and the same answer: it is no guess of the relay's.",
    sender: 'cloud',
    mail: {
      reversePath: LENA.tenant,
      forwardPaths: [OLGA],
      from: lena(LENA.tenant),
      to: OLGA,
      subject: 'Where are you?',
      text: 'Dear Olga, where are you now?',
      fields: STAMP,
    },
    outcomes: [{ ...refused(OLGA), asked: { onPremises: true, world: false } }],
  },
  {
    title: 'Nora writes to her too, and the ping-pong is ended',
    remark:
      'The authority does not have her and hands the mail to the relay. An address that no rule resolves never ' +
      'returns to where it came from: the authority is not asked again.',
    sender: 'onPremises',
    mail: {
      reversePath: NORA,
      forwardPaths: [OLGA],
      from: nora,
      to: OLGA,
      subject: 'Your thesis',
      text: 'Dear Olga, when do I read it?',
    },
    outcomes: [{ ...refused(OLGA), asked: { onPremises: false, cloud: false, world: false } }],
  },
];

export const AUTHORITY_PART: Part = {
  title: 'An authority on premises, students in the cloud',
  remark:
    'contoso.example in two places: staff under their shared addresses on servers of their own, which answer for every ' +
    'address that no rule resolves; students in Exchange Online, in a subdomain.',
  sample: 'deploy/samples/on-premises-authority',
  overlay: 'demo/on-premises',
  domain: 'contoso.example',
  sites: {
    onPremises: site('mail-a.contoso.example', [NORA]),
    cloud: site('live-contoso-example.mail.protection.outlook.com', [LENA.tenant]),
    world: site('mx.world.example', [ANNA]),
  },
  origins: {
    onPremises: { name: 'mail-a.contoso.example', certificate: 'mail-a.contoso.example' },
    cloud: { name: 'eur05.outbound.protection.outlook.com', certificate: 'mail.protection.outlook.com' },
    world: { name: 'mx.world.example' },
  },
  acts: ACTS,
};
