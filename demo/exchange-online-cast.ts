/** Who takes part while the tenants are in Exchange Online, and what Exchange Online writes into their mail. */

import type { Outcome } from './act.ts';

export const JOHN = { tenant: 'john.smith@tenant1.example', shared: 'john.smith@shared.example' };
export const MARY = { tenant: 'mjones@tenant2.example', shared: 'mary.jones@shared.example' };
export const TESS = { tenant: 'tturner@tenant10.example', shared: 'tess.turner@shared.example' };
export const ANNA = 'anna@world.example';

export const john = (address: string) => `John Smith <${address}>`;
export const mary = (address: string) => `Mary Jones <${address}>`;
export const anna = `Anna Berg <${ANNA}>`;

const TENANT_IDS = {
  'tenant1.example': '11111111-1111-4111-8111-111111111111',
  'tenant2.example': '22222222-2222-4222-8222-222222222222',
  'tenant10.example': 'a07e3c58-7d2b-4c95-b6e4-1f8d2a9c5b10',
  'customer.example': 'c9f04d7e-2a86-4be1-93c5-8e7b6a1d0f99',
} as const;

/** What Exchange Online writes into each message that leaves the tenant of that domain. */
export function stamp(domain: keyof typeof TENANT_IDS): [string, string][] {
  return [
    ['X-MS-Exchange-CrossTenant-Id', TENANT_IDS[domain]],
    ['X-MS-Exchange-CrossTenant-AuthAs', 'Internal'],
    ['X-OriginatorOrg', domain],
  ];
}

/** Every recipient was accepted; the message was not, and nobody outside has heard of it. */
export const relayingRefused: Outcome = { reply: '550 5.7.1', asked: { world: false } };
