/** ExchangeOnline: how one tenant of Exchange Online is told from all others, which share its addresses and certificate. */

import { z } from 'zod';
import { certificateName, domainName } from './names.ts';
import { SECRET_KEYS, secretKeyRef } from './references.ts';
import { set, withRules } from './rules.ts';

/** What the public cloud shows as a client; other clouds have names of their own. */
export const PUBLIC_CLOUD_NAMES = ['mail.protection.outlook.com'];

/** The accounts of outlook.com and hotmail.com, of which anybody can have one. */
const EVERYBODY = [
  '00000000-0000-0000-0000-000000000000',
  '84df9e7f-e9f6-40af-b435-aaaaaaaaaaaa',
  '9188040d-6c67-4c5b-b112-36a304b66dad',
];

const tenantId = withRules(
  z
    .string()
    .max(36)
    .describe(
      "The tenant's id, a GUID (Microsoft Entra admin centre, Overview). It belongs to one TenantRoute of the fleet only.",
    ),
  {
    rule: "self.matches(r'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')",
    message: 'must be a GUID in lower case, such as 0f8fad5b-d9cb-469f-a165-70867728950e',
  },
  {
    rule: `!(self in [${EVERYBODY.map((id) => `"${id}"`).join(', ')}])`,
    message: "is no organization's tenant, but stands for nobody or for every personal account: name your own",
  },
);

export const exchangeOnline = z.object({
  tenantId,
  organizations: set(
    z.array(domainName('A domain that Exchange Online names as the originating organization.')).max(64),
  )
    .describe(
      'Accepted domains of the tenant by which it may prove itself before the recipients (XOORG on MAIL), each in one ' +
        'TenantRoute of the fleet only. Left out: it proves itself by its id in the header.',
    )
    .optional(),
  certificateNames: set(
    z
      .array(certificateName('A DNS name; a first label * stands for one label.'))
      .min(1)
      .max(32)
      .default(PUBLIC_CLOUD_NAMES),
  ).describe("The certificate of Exchange Online must be valid for one of these names. Default: the public cloud's."),
  caSecretRef: secretKeyRef(
    SECRET_KEYS.authorities,
    "PEM certificates of the authorities that are trusted for it. Default: the fleet's tls.clientCASecretRef, else " +
      "Node.js's bundled roots.",
  ).optional(),
});
