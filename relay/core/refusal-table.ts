/** Refusals that speak of this relay and not of the message: data, dated, so that it can be read, doubted and replaced. */

export interface RefusalOfUs {
  /** Enhanced status codes, inclusive, as [first, last] of the detail number in x.7.detail. */
  readonly detail: readonly [number, number];
  readonly meaning: string;
}

/** When the rows below were last compared with what Exchange Online documents and sends. */
export const REFUSAL_TABLE_DATE = '2026-11-22';

/**
 * Subject 7 (security or policy), both classes. Source: Exchange Online's list of non-delivery reports and its announcements of
 * tenant attribution. 5.7.509 (DMARC), 5.7.512 (From) and 5.7.513 (customer's block list) speak of the message or the recipient.
 */
export const REFUSALS_OF_US: readonly RefusalOfUs[] = [
  { detail: [3, 3], meaning: 'it wants TLS or authentication from this relay' },
  { detail: [25, 25], meaning: 'the address of this relay has no reverse DNS' },
  { detail: [26, 26], meaning: 'the address of this relay fails its authentication checks' },
  { detail: [51, 51], meaning: 'its inbound connector does not match this relay (TenantInboundAttribution)' },
  { detail: [57, 57], meaning: 'it does not take this relay for an authenticated client' },
  { detail: [64, 64], meaning: 'it attributes this relay to no tenant (TenantAttribution)' },
  { detail: [68, 68], meaning: 'it takes this relay for an unauthorised source (direct send)' },
  { detail: [230, 230], meaning: 'it takes this relay for an outdated on-premises server' },
  { detail: [500, 508], meaning: 'it throttles or refuses the address of this relay' },
  { detail: [510, 511], meaning: 'the address of this relay is on its block list' },
  { detail: [514, 599], meaning: 'it throttles or refuses the address of this relay' },
  { detail: [606, 649], meaning: 'the address of this relay is banned' },
  { detail: [705, 705], meaning: 'its tenant has exceeded a threshold' },
  { detail: [708, 708], meaning: 'the address of this relay has a low reputation' },
  { detail: [750, 750], meaning: 'its tenant sends from unregistered domains' },
];

/** Servers that know no enhanced code for it say it in words (Postfix, Exim, Exchange: 554 or 550, some with 5.7.1). */
export const WORDS_ABOUT_US = new RegExp(
  [
    String.raw`\brelay(ing)?( access)? (is )?(denied|not permitted|not allowed|prohibited)\b`,
    String.raw`\bunable to relay\b`,
    String.raw`\bclient (host|was) rejected\b`,
    String.raw`\bclient host blocked\b`,
  ].join('|'),
  'i',
);

/** What is wrong, if an enhanced status of any class speaks of this relay. */
export function meaningForUs(enhancedStatus: string): string | undefined {
  const match = /^[45]\.7\.(\d{1,3})$/.exec(enhancedStatus);
  if (match === null) return undefined;
  const detail = Number(match[1]);
  return REFUSALS_OF_US.find((row) => detail >= row.detail[0] && detail <= row.detail[1])?.meaning;
}
