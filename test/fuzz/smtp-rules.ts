/** What the configuration of the fuzzer lets happen: who may be reached, what next hops say, what the answer after a dot may be. */

/** What next hops say at RCPT to these people; to all others 250. */
export const RCPT_ANSWERS: ReadonlyMap<string, string> = new Map([
  ['gone', '550 5.1.1 no such user'],
  ['busy', '450 4.2.1 later'],
  ['refuses', '550 5.7.64 not you'],
]);
export const TENANT_IDS: ReadonlyMap<string, string> = new Map([
  ['11111111-aaaa-bbbb-cccc-000000000001', 'tenant1'],
  ['22222222-aaaa-bbbb-cccc-000000000002', 'tenant2'],
]);
export const MOST_RECIPIENTS = 6;
const PEOPLE = new Set(['john', 'mary', ...RCPT_ANSWERS.keys()]);
const TRANSIENT = [450, 451, 452];

export type Client = 'internet' | 'tenant' | 'candidate';

export interface Recipient {
  readonly tag: string;
  readonly person: string;
  readonly peer: string;
  readonly forwardPath: string;
}

export interface Transaction {
  readonly nullPath: boolean;
  readonly client: Client;
  /** undefined: no recipient is accepted yet. */
  readonly provisional: boolean | undefined;
  readonly taken: readonly Recipient[];
  readonly requested: number;
  readonly accepted: number;
  /** A line that the model does not read was answered 250: only the weak laws hold. */
  readonly murky: boolean;
}

export interface ContentDue {
  readonly transaction: Transaction;
  readonly text: string;
}

export function codesAtRecipient(person: string): readonly number[] {
  const said = RCPT_ANSWERS.get(person);
  if (said === undefined) return [250, 451];
  return said.includes('5.7.64') ? [451] : [Number(said.slice(0, 3)), 451];
}

/** Rows of the table of recipients, for the configuration of the fuzzer; undefined: refused for good. */
export function placeOf(client: Client, person: string, localPart: string, domain: string) {
  if (domain === 'shared.example') {
    if (localPart === 'postmaster' || localPart === 'abuse') {
      return { provisional: false, peer: 'tenant1', forwardPath: 'postmaster@tenant1.example' };
    }
    if (!PEOPLE.has(person)) return undefined;
    const peer = person === 'mary' || person === 'busy' ? 'tenant2' : 'tenant1';
    return { provisional: false, peer, forwardPath: `${localPart}@${peer}.example` };
  }
  if (client === 'internet') return undefined;
  const peer = /^tenant[12](?=\.example$)/.exec(domain)?.[0] ?? 'world';
  return { provisional: client === 'candidate', peer, forwardPath: `${localPart}@${domain}` };
}

/** What the answer after the dot may be when no next hop was given the message; undefined: it must have been. */
export function codesWithoutDelivery({ transaction, text }: ContentDue): {
  codes: readonly number[];
  proven: boolean;
  final: boolean;
} {
  const { client, nullPath, provisional, taken } = transaction;
  const troubled = { codes: TRANSIENT, proven: false, final: false };
  if (client !== 'candidate') return troubled;
  const [header = ''] = text.split('\r\n\r\n');
  const ids = [...header.matchAll(/^X-MS-Exchange-CrossTenant-Id: (\S+)/gim)].map(([, id = '']) => id.toLowerCase());
  if (ids.length > 1) return { codes: [550], proven: false, final: true };
  if (ids.length === 0 && nullPath) return { codes: [451], proven: false, final: true };
  if (!TENANT_IDS.has(ids[0] ?? ''))
    return provisional === true ? { codes: [550], proven: false, final: true } : troubled;
  if (provisional !== true) return { ...troubled, proven: true };
  const said = taken.map(({ person }) => codesAtRecipient(person));
  if (said.every((codes) => codes.includes(550))) return { codes: [550, 451], proven: true, final: true };
  const final = said.some((codes) => !codes.includes(250) && !codes.includes(550));
  return { codes: TRANSIENT, proven: true, final };
}
