/** What a next hop hears as the sender, for every kind of client. */

import { describe, expect, it } from 'vitest';
import { parseMailbox } from '../../../relay/core/address.ts';
import { buildDirectory } from '../../../relay/core/directory.ts';
import { NULL_PATH, type Path } from '../../../relay/core/envelope.ts';
import { announcedReversePath } from '../../../relay/core/reverse-path.ts';
import { type ClientIdentity, INTERNET } from '../../../relay/core/source.ts';
import { relayConfig } from '../../support/relay-config.ts';

const DIRECTORY = buildDirectory(
  relayConfig({
    rewriteRules: [
      {
        name: 'john',
        sharedDomain: 'shared.example',
        tenantRoute: 'tenant1',
        mode: 'Enforce',
        addresses: [['john@tenant1.example', 'john@shared.example', 'Both']],
        domains: [],
      },
      {
        name: 'ann',
        sharedDomain: 'shared.example',
        tenantRoute: 'tenant1',
        mode: 'Audit',
        addresses: [['ann@tenant1.example', 'ann@shared.example', 'Both']],
        domains: [],
      },
    ],
  }),
);
const [ONE, TWO] = DIRECTORY.config.tenantRoutes;
if (ONE === undefined || TWO === undefined) throw new Error('the configuration has two tenants');

const TENANT: ClientIdentity = { kind: 'Tenant', route: ONE };
const CANDIDATE: ClientIdentity = {
  kind: 'Candidate',
  claims: [
    { route: undefined, tenantId: '0', organizations: [], verified: true },
    { route: TWO, tenantId: '2', organizations: [], verified: true },
    { route: ONE, tenantId: '1', organizations: [], verified: true },
  ],
};
const UNKNOWN: ClientIdentity = {
  kind: 'Candidate',
  claims: [{ route: undefined, tenantId: '0', organizations: [], verified: true }],
};

function path(text: string): Path {
  const parsed = parseMailbox(text);
  return parsed.ok ? { text, mailbox: parsed.value } : NULL_PATH;
}

describe('announcedReversePath', () => {
  it.each([
    ['a tenant', TENANT, 'john@tenant1.example', 'john@shared.example', true],
    ['a tenant, no rule', TENANT, 'Bob@tenant1.example', 'Bob@tenant1.example', false],
    ['a candidate', CANDIDATE, 'john@tenant1.example', 'john@shared.example', true],
    ['a candidate, no rule', CANDIDATE, 'eve@world.example', 'eve@world.example', false],
    ['a candidate of routes that are left out', UNKNOWN, 'john@tenant1.example', 'john@tenant1.example', false],
    ['the internet', INTERNET, 'john@tenant1.example', 'john@tenant1.example', false],
    ['the null reverse-path', TENANT, '', '', false],
  ])('%s', (_name, client, from, text, rewritten) => {
    expect(announcedReversePath(DIRECTORY, client, path(from), 'world.example')).toMatchObject({ text, rewritten });
  });

  it('says what a rule in Audit mode would have made of it', () => {
    const { text, audited } = announcedReversePath(DIRECTORY, TENANT, path('ann@tenant1.example'), 'world.example');
    expect(text).toBe('ann@tenant1.example');
    expect(audited.map(({ rule }) => rule)).toEqual(['ann']);
  });
});
