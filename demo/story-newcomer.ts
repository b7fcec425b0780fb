/** How a tenth tenant joins while everything runs, as data. */

import { type Act, delivered } from './act.ts';
import { ANNA, anna, JOHN, john, MARY, mary, relayingRefused, stamp, TESS } from './exchange-online-cast.ts';
import type { Mail } from './message.ts';

const tess = (address: string) => `Tess Turner <${address}>`;

const newcomer: Mail = {
  reversePath: TESS.tenant,
  forwardPaths: [ANNA],
  from: tess(TESS.tenant),
  to: anna,
  subject: 'We have joined',
  text: 'Dear Anna, from today on we are a part of it as well.',
  fields: stamp('tenant10.example'),
};

export const NEWCOMER: readonly Act[] = [
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
    remark: 'A rule names her, so no tenant is asked who knows her.',
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
