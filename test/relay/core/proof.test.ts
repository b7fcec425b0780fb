/** Which tenant a candidate is: the header's field in every shape Exchange Online and forgers write it, and XOORG. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHeader } from '../../../relay/core/header.ts';
import { proveByHeader, proveByOrganization } from '../../../relay/core/proof.ts';
import { formatReply } from '../../../relay/core/reply.ts';
import type { Candidate, ClientIdentity } from '../../../relay/core/source.ts';
import { tenantRoute } from '../../support/relay-config.ts';

const ONE = '11111111-aaaa-bbbb-cccc-000000000001';
const TWO = '22222222-aaaa-bbbb-cccc-000000000002';
const GONE = '33333333-aaaa-bbbb-cccc-000000000003';
const FOREIGN = '99999999-aaaa-bbbb-cccc-000000000009';

const CANDIDATE: Candidate = {
  kind: 'Candidate',
  claims: [
    {
      route: tenantRoute('tenant1'),
      tenantId: ONE,
      organizations: ['tenant1.onmicrosoft.example', 'tenant1.example'],
      verified: true,
    },
    { route: tenantRoute('tenant2'), tenantId: TWO, organizations: [], verified: true },
    { route: undefined, tenantId: GONE, organizations: ['gone.example'], verified: true },
  ],
};
const NAME = 'X-MS-Exchange-CrossTenant-Id';

function nameOf(client: ClientIdentity): string {
  return client.kind === 'Tenant' ? client.route.name : client.kind;
}

function prove(lines: readonly string[], nullReversePath = false): string {
  const text = ['From: x@world.example', ...lines, 'Subject: x'].map((line) => `${line}\r\n`).join('');
  const proof = proveByHeader(CANDIDATE, parseHeader(Buffer.from(text, 'latin1')), nullReversePath);
  if (proof.ok) return `${proof.result} ${nameOf(proof.client)}`;
  return `${proof.result} ${formatReply(proof.reply).slice(0, 9)}${proof.warn ? ' and a warning' : ''}`;
}

describe('the header', () => {
  it.each([
    ['its id', [`${NAME}: ${ONE}`], 'TenantId tenant1'],
    ["another tenant's id", [`${NAME}: ${TWO}`], 'TenantId tenant2'],
    ['the name in lower case', [`${NAME.toLowerCase()}: ${ONE}`], 'TenantId tenant1'],
    ['the name in upper case', [`${NAME.toUpperCase()}: ${ONE}`], 'TenantId tenant1'],
    ['the id in upper case', [`${NAME}: ${ONE.toUpperCase()}`], 'TenantId tenant1'],
    ['folded before the id', [`${NAME}:`, ` ${ONE}`], 'TenantId tenant1'],
    ['folded with tabs, white space behind it', [`${NAME}:`, `\t ${ONE} \t`], 'TenantId tenant1'],
    ['no white space', [`${NAME}:${ONE}`], 'TenantId tenant1'],
    ['white space before the colon', [`${NAME} : ${ONE}`], 'TenantId tenant1'],
    ["a stranger's id", [`${NAME}: ${FOREIGN}`], 'Stranger Internet'],
    ['no id', [], 'NoTenantId Internet'],
    ['an empty id', [`${NAME}:`], 'Stranger Internet'],
    ['an id with more behind it', [`${NAME}: ${ONE} ${ONE}`], 'Stranger Internet'],
    ['an id in braces', [`${NAME}: {${ONE}}`], 'Stranger Internet'],
    ['an id with a comment', [`${NAME}: ${ONE} (really)`], 'Stranger Internet'],
    ['an id folded in its middle', [`${NAME}: ${ONE.slice(0, 9)}`, ` ${ONE.slice(9)}`], 'Stranger Internet'],
    ['half an id', [`${NAME}: ${ONE.slice(0, 8)}`], 'Stranger Internet'],
    ['a name that only begins so', [`${NAME}-Backup: ${ONE}`], 'NoTenantId Internet'],
    ['a field in the folded value of another', ['X-Note: see', ` ${NAME}: ${ONE}`], 'NoTenantId Internet'],
    ['an originator organization alone', ['X-OriginatorOrg: tenant1.example'], 'NoTenantId Internet'],
    ['two ids', [`${NAME}: ${FOREIGN}`, `${NAME}: ${ONE}`], 'TwoTenantIds 550 5.7.1'],
    ['two ids, the right one first', [`${NAME}: ${ONE}`, `${NAME}: ${FOREIGN}`], 'TwoTenantIds 550 5.7.1'],
    ['two ids that agree', [`${NAME}: ${ONE}`, `${NAME.toLowerCase()} : ${ONE}`], 'TwoTenantIds 550 5.7.1'],
    ['the id of a route that is left out', [`${NAME}: ${GONE}`], 'Held 451 4.3.5'],
  ])('with %s', (_name, lines, expected) => {
    expect(prove(lines)).toBe(expected);
  });

  it.each([
    ['no id', [], 'NoTenantId 451 4.7.1 and a warning'],
    ['its id', [`${NAME}: ${ONE}`], 'TenantId tenant1'],
    ["a stranger's id", [`${NAME}: ${FOREIGN}`], 'Stranger Internet'],
    ['two ids', [`${NAME}: ${ONE}`, `${NAME}: ${ONE}`], 'TwoTenantIds 550 5.7.1'],
  ])('of a bounce with %s', (_name, lines, expected) => {
    expect(prove(lines, true)).toBe(expected);
  });

  it.each(['From: john@tenant1.example', 'Sender: john@tenant1.example', 'Return-Path: <john@tenant1.example>'])(
    'proves nothing by %s',
    (line) => {
      expect(prove([line])).toBe('NoTenantId Internet');
    },
  );
});

describe('any header', () => {
  const line = fc.oneof(
    fc.constantFrom(`${NAME}: ${ONE}`, `${NAME.toLowerCase()}:${TWO}`, `${NAME} : ${FOREIGN}`, `${NAME}:`, ` ${ONE}`),
    fc.constantFrom('', ':', 'X: y', `X-${NAME}: ${ONE}`, `\t${NAME}: ${ONE}`, `${NAME}; ${ONE}`),
    fc.string({ maxLength: 20 }).map((text) => text.replace(/[\r\n]/g, '')),
  );

  it('proves a tenant only by the one field of that name, and exactly by its id', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        // Unfolded and read a second time, by other means.
        const unfolded = lines
          .map((text) => `${text}\r\n`)
          .join('')
          .replace(/\r\n(?=[ \t])/g, '');
        const values = unfolded.split('\r\n').flatMap((text) => {
          const found = /^x-ms-exchange-crosstenant-id[ \t]*:(.*)$/i.exec(text);
          return found === null ? [] : [(found[1] ?? '').trim().toLowerCase()];
        });
        const proof = proveByHeader(
          CANDIDATE,
          parseHeader(Buffer.from(lines.map((text) => `${text}\r\n`).join(''))),
          false,
        );
        const route = { [ONE]: 'tenant1', [TWO]: 'tenant2' }[values[0] ?? ''];
        const expected = values.length > 1 ? 'refused' : (route ?? 'Internet');
        expect(proof.ok ? nameOf(proof.client) : 'refused').toBe(expected);
      }),
      { numRuns: 500 },
    );
  });
});

describe('XOORG', () => {
  it.each([
    ['tenant1.example', 'tenant1'],
    ['Tenant1.OnMicrosoft.Example', 'tenant1'],
    ['tenant2.example', 'Candidate'],
    ['sub.tenant1.example', 'Candidate'],
    ['world.example', 'Candidate'],
    ['gone.example', 'Held'],
  ])('%s makes the client %s', (organization, expected) => {
    expect(nameOf(proveByOrganization(CANDIDATE, organization))).toBe(expected);
  });
});
