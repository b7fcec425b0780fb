/** The story the demo plays, as data: who writes to whom, and what must come of it. */

import { type Act, delivered } from './act.ts';

const JOHN = { tenant: 'john.smith@tenant1.example', shared: 'john.smith@shared.example' };
const MARY = { tenant: 'mary.jones@tenant2.example', shared: 'mary.jones@shared.example' };
const ALICE = { tenant: 'aadams@tenant1.example', shared: 'alice.adams@shared.example' };
const ANNA = 'anna@world.example';
const NOBODY = 'nobody@shared.example';

const john = (address: string) => `John Smith <${address}>`;
const mary = (address: string) => `Mary Jones <${address}>`;
const alice = (address: string) => `Alice Adams <${address}>`;
const anna = `Anna Berg <${ANNA}>`;

export const MAILBOXES: Readonly<Record<'tenant1' | 'tenant2', readonly string[]>> = {
  tenant1: [JOHN.tenant, ALICE.tenant],
  tenant2: [MARY.tenant],
};

export const ACTS: readonly Act[] = [
  {
    title: 'John writes out',
    remark:
      'An address rule names John, a row of the CSV his colleague Alice. The world sees one domain, and its signature.',
    sender: 'tenant1',
    mail: {
      reversePath: JOHN.tenant,
      forwardPaths: [ANNA],
      from: john(JOHN.tenant),
      to: anna,
      cc: alice(ALICE.tenant),
      subject: 'Our offer',
      text: 'Dear Anna, here is our offer. Alice knows the details.',
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
    title: 'Mary writes out',
    remark: 'One domain rule stands for everybody in her tenant.',
    sender: 'tenant2',
    mail: {
      reversePath: MARY.tenant,
      forwardPaths: [ANNA],
      from: mary(MARY.tenant),
      to: anna,
      subject: 'Delivery dates',
      text: 'Dear Anna, these are the dates.',
    },
    outcomes: [
      delivered({
        at: 'world',
        reversePath: MARY.shared,
        forwardPaths: [ANNA],
        from: mary(MARY.shared),
        to: anna,
        signedBy: 'shared.example',
      }),
    ],
  },
  {
    title: 'The world answers John',
    remark: 'Only the envelope changes on the way in: To stays as Anna wrote it, so her own signature stays good.',
    sender: 'world',
    mail: {
      reversePath: ANNA,
      forwardPaths: [JOHN.shared],
      from: anna,
      to: john(JOHN.shared),
      subject: 'Re: Our offer',
      text: 'Dear John, we take it.',
    },
    outcomes: [
      delivered({
        at: 'tenant1',
        reversePath: ANNA,
        forwardPaths: [JOHN.tenant],
        from: anna,
        to: john(JOHN.shared),
        signedBy: 'world.example',
      }),
    ],
  },
  {
    title: 'The world answers Mary',
    remark: 'The same domain, another mail system.',
    sender: 'world',
    mail: {
      reversePath: ANNA,
      forwardPaths: [MARY.shared],
      from: anna,
      to: mary(MARY.shared),
      subject: 'Re: Delivery dates',
      text: 'Dear Mary, thank you.',
    },
    outcomes: [
      delivered({
        at: 'tenant2',
        reversePath: ANNA,
        forwardPaths: [MARY.tenant],
        from: anna,
        to: mary(MARY.shared),
        signedBy: 'world.example',
      }),
    ],
  },
  {
    title: 'One message to both tenants at once',
    remark:
      'The relay keeps no mail: one mail system a transaction. Mary hears 452, and her copy is sent again at once.',
    sender: 'world',
    mail: {
      reversePath: ANNA,
      forwardPaths: [JOHN.shared, MARY.shared],
      from: anna,
      to: john(JOHN.shared),
      cc: mary(MARY.shared),
      subject: 'To both of you',
      text: 'Dear John, dear Mary, let us meet.',
    },
    outcomes: [
      {
        ...delivered({
          at: 'tenant1',
          reversePath: ANNA,
          forwardPaths: [JOHN.tenant],
          from: anna,
          to: john(JOHN.shared),
          cc: mary(MARY.shared),
          signedBy: 'world.example',
        }),
        refused: { [MARY.shared]: '452 4.5.3' },
      },
      delivered({
        at: 'tenant2',
        reversePath: ANNA,
        forwardPaths: [MARY.tenant],
        from: anna,
        to: john(JOHN.shared),
        cc: mary(MARY.shared),
        signedBy: 'world.example',
      }),
    ],
  },
  {
    title: "John writes to Mary's shared address",
    remark: "Rewritten as mail that leaves and resolved as mail that comes in: straight to Mary's tenant, no MX asked.",
    sender: 'tenant1',
    mail: {
      reversePath: JOHN.tenant,
      forwardPaths: [MARY.shared],
      from: john(JOHN.tenant),
      to: mary(MARY.shared),
      subject: 'Anna wants to meet',
      text: 'Dear Mary, is Thursday good for you?',
    },
    outcomes: [
      delivered({
        at: 'tenant2',
        reversePath: JOHN.shared,
        forwardPaths: [MARY.tenant],
        from: john(JOHN.shared),
        to: mary(MARY.shared),
        signedBy: 'shared.example',
      }),
    ],
  },
  {
    title: 'She replies',
    remark: 'Her mail program answers the only address of John that she ever saw.',
    sender: 'tenant2',
    mail: {
      reversePath: MARY.tenant,
      forwardPaths: [JOHN.shared],
      from: mary(MARY.tenant),
      to: john(JOHN.shared),
      subject: 'Re: Anna wants to meet',
      text: 'Dear John, Thursday is good.',
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
    title: 'Somebody writes to an address that nobody has',
    remark:
      "No address rule names it, so tenant 2's domain rule asks tenant 2, whose no the sender hears before the content.",
    sender: 'world',
    mail: {
      reversePath: ANNA,
      forwardPaths: [NOBODY],
      from: anna,
      to: NOBODY,
      subject: 'Anybody there?',
      text: 'Hello?',
    },
    outcomes: [{ reply: '550 5.1.1', refused: { [NOBODY]: '550 5.1.1' } }],
  },
  {
    title: 'A stranger tries to relay',
    remark: 'The name of the domain opens no door: who is no tenant reaches only shared addresses.',
    sender: 'stranger',
    mail: {
      reversePath: JOHN.shared,
      forwardPaths: [ANNA],
      from: john(JOHN.shared),
      to: anna,
      subject: 'Please pay this invoice',
      text: 'At once.',
    },
    outcomes: [{ reply: '550 5.7.1', refused: { [ANNA]: '550 5.7.1' } }],
  },
];
