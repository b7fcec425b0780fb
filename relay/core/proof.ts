/** Which tenant a candidate is: decided by what Exchange Online itself writes, never by From or reverse-path (mail-flow §3). */

import { fieldsNamed, fieldValue, type Header } from './header.ts';
import { REFUSAL_REPLIES } from './recipient.ts';
import { type Reply, reply } from './reply.ts';
import { type Candidate, type ClientIdentity, INTERNET, type TenantClaim } from './source.ts';

/** What a candidate's transaction turned out to prove, by the names that metrics count. */
export type ProofResult = 'Organization' | 'TenantId' | 'Stranger' | 'NoTenantId' | 'TwoTenantIds' | 'Held';

export type Proof =
  | { readonly ok: true; readonly result: ProofResult; readonly client: ClientIdentity }
  /** `warn`: an admin should look at it, as mail of a tenant may be waiting. */
  | {
      readonly ok: false;
      readonly result: ProofResult;
      readonly reply: Reply;
      readonly cause: string;
      readonly warn: boolean;
    };

/** Lower case, as header fields are compared. */
const TENANT_ID = 'x-ms-exchange-crosstenant-id';

const TWO_IDS = reply(550, '5.7.1', 'The header names more than one Exchange Online tenant');
const NO_ID = reply(451, '4.7.1', 'The sender of this message could not be determined, please try again later');

/** XOORG= on MAIL. An organization that no claim names proves nothing: the headers may still. */
export function proveByOrganization(client: Candidate, organization: string): ClientIdentity {
  const name = organization.toLowerCase();
  const claim = client.claims.find(({ organizations }) => organizations.includes(name));
  return claim === undefined ? client : identityOf(claim);
}

/** At the end of the headers: from here on the client is a tenant or the internet. */
export function proveByHeader(client: Candidate, header: Header, nullReversePath: boolean): Proof {
  const ids = fieldsNamed(header, TENANT_ID);
  const [id] = ids;
  // Two that agree are refused as well: one of them was there before Exchange Online wrote its own.
  if (ids.length > 1) return refuse('TwoTenantIds', TWO_IDS, `the header holds ${ids.length} fields ${TENANT_ID}`);
  if (id === undefined) {
    // A bounce that was written by nobody's user may lack it, and a bounce that is refused is lost.
    if (nullReversePath) return refuse('NoTenantId', NO_ID, `a null reverse-path and no field ${TENANT_ID}`, true);
    return { ok: true, result: 'NoTenantId', client: INTERNET };
  }
  const value = fieldValue(header, id).toLowerCase();
  const claim = client.claims.find(({ tenantId }) => tenantId === value);
  if (claim === undefined) return { ok: true, result: 'Stranger', client: INTERNET };
  const proven = identityOf(claim);
  if (proven.kind !== 'Held') return { ok: true, result: 'TenantId', client: proven };
  return refuse('Held', REFUSAL_REPLIES.Held, 'the tenant that the header proves is that of a route not in force');
}

function identityOf({ route }: TenantClaim): ClientIdentity {
  return route === undefined ? { kind: 'Held' } : { kind: 'Tenant', route };
}

function refuse(result: ProofResult, value: Reply, cause: string, warn = false): Proof {
  return { ok: false, result, reply: value, cause, warn };
}
