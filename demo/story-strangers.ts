/** What a stranger tries who has a tenant of Exchange Online of his own, as data. */

import { type Act, delivered } from './act.ts';
import { ANNA, anna, JOHN, john, MARY, mary, relayingRefused, stamp } from './exchange-online-cast.ts';
import type { Mail } from './message.ts';

const MALLORY = 'mallory@customer.example';
const mallory = `Mallory Marsh <${MALLORY}>`;

/** Mail in John's name to Anna, to be relayed. */
const invoice: Mail = {
  reversePath: JOHN.tenant,
  forwardPaths: [ANNA],
  from: john(JOHN.tenant),
  to: anna,
  subject: 'Please pay this invoice',
  text: 'At once.',
};

export const STRANGERS: readonly Act[] = [
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
];
