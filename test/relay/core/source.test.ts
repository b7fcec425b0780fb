/** Who is the client: sources by address and certificate, strongest proof first. */

import { describe, expect, it } from 'vitest';
import type { SourceConfig } from '../../../relay/core/config.ts';
import { couldNeedCertificate, identifyClient, compileSources } from '../../../relay/core/source.ts';
import { relayConfig, tenantRoute } from '../../support/relay-config.ts';

function cidr(...cidrs: string[]): SourceConfig {
  return { cidrs, tlsRequired: false };
}

function certificate(name: string, ...cidrs: string[]): SourceConfig {
  return { cidrs, tlsRequired: true, clientCertificate: { names: [name] } };
}

const SOURCES = compileSources(
  relayConfig({
    tenantRoutes: [
      tenantRoute('wide', { sources: [cidr('10.0.0.0/8', '2001:db8::/32')] }),
      tenantRoute('narrow', { sources: [cidr('10.1.0.0/16')] }),
      tenantRoute('strict', { sources: [{ cidrs: ['10.1.2.0/24'], tlsRequired: true }] }),
      tenantRoute('named', { sources: [certificate('mx.named.example')] }),
      tenantRoute('named-here', { sources: [certificate('mx.named.example', '10.9.0.0/16')] }),
      tenantRoute('both', { sources: [certificate('mx.both.example', '172.16.0.0/12')] }),
    ],
    held: { sources: [cidr('10.1.3.0/24'), cidr('203.0.113.0/24')] },
  }),
);

/** `forged ` before a name: a certificate that cannot be verified. */
function identify(address: string, tls: boolean, presented?: string): string {
  const identity = identifyClient(SOURCES, {
    address,
    tls,
    certificateMatches: ({ names, unverified }) =>
      names.some((name) => presented === name || (unverified === true && presented === `forged ${name}`)),
  });
  if (identity.kind === 'Held' && identity.unverified !== undefined) return `Held ${identity.unverified}`;
  return 'route' in identity ? `${identity.kind} ${identity.route.name}` : identity.kind;
}

describe('identifyClient', () => {
  it.each([
    ['an address in one block', '10.200.0.1', false, undefined, 'Tenant wide'],
    ['the longest prefix wins', '10.1.99.1', false, undefined, 'Tenant narrow'],
    ['IPv6', '2001:db8::25', false, undefined, 'Tenant wide'],
    ['nobody', '192.0.2.1', true, undefined, 'Internet'],
    ['TLS demanded and given', '10.1.2.9', true, undefined, 'Tenant strict'],
    ['TLS demanded and missing', '10.1.2.9', false, undefined, 'TlsMissing strict'],
    ['a certificate beats an address', '10.1.99.1', true, 'mx.named.example', 'Tenant named'],
    ['a certificate with its address beats a certificate', '10.9.0.1', true, 'mx.named.example', 'Tenant named-here'],
    ['a certificate from anywhere', '192.0.2.1', true, 'mx.named.example', 'Tenant named'],
    ['a foreign certificate proves nothing', '192.0.2.1', true, 'mx.evil.example', 'Internet'],
    ['an entry with a certificate never matches by address', '172.16.0.1', true, undefined, 'Internet'],
    ['its certificate from elsewhere does not match it', '192.0.2.1', true, 'mx.both.example', 'Internet'],
    ['clear text from its address is asked for TLS', '172.16.0.1', false, undefined, 'TlsMissing both'],
    ['clear text from anywhere else is the internet', '192.0.2.1', false, undefined, 'Internet'],
    ['a source that is held', '203.0.113.5', false, undefined, 'Held'],
    ['a held source nearer than one in force', '10.1.3.1', false, undefined, 'Held'],
    ['a certificate of the name that cannot be verified', '192.0.2.1', true, 'forged mx.named.example', 'Held named'],
    ['the same from where another source holds', '10.200.0.1', true, 'forged mx.named.example', 'Tenant wide'],
    ['the same, outside the addresses of its entry', '192.0.2.1', true, 'forged mx.both.example', 'Internet'],
    ['no address at all', 'unknown', false, undefined, 'Internet'],
  ])('%s', (_name, address, tls, presented, expected) => {
    expect(identify(address, tls, presented)).toBe(expected);
  });
});

function exchange(tenantId: string, more: Partial<SourceConfig> = {}): SourceConfig {
  const exchangeOnline = { tenantId, organizations: [], certificateNames: ['mail.protection.exchange.example'] };
  return { cidrs: [], tlsRequired: true, exchangeOnline, ...more };
}

describe('Exchange Online', () => {
  const NAME = 'mail.protection.exchange.example';
  const sources = compileSources(
    relayConfig({
      tenantRoutes: [
        tenantRoute('everywhere', { sources: [exchange('1')] }),
        tenantRoute('somewhere', { sources: [exchange('2', { cidrs: ['40.107.0.0/16'] })] }),
        tenantRoute('by-address', { sources: [cidr('40.0.0.0/8')] }),
        tenantRoute('by-both', { sources: [certificate(NAME, '40.0.0.0/8')] }),
      ],
      held: { sources: [exchange('3'), cidr('40.92.0.0/15')] },
    }),
  );

  function claims(address: string, tls: boolean, shown: string | undefined): string {
    const identity = identifyClient(sources, {
      address,
      tls,
      certificateMatches: ({ names }) => shown !== undefined && names.includes(shown),
    });
    if (identity.kind !== 'Candidate')
      return 'route' in identity ? `${identity.kind} ${identity.route.name}` : identity.kind;
    return identity.claims.map(({ route, tenantId }) => `${tenantId} ${route?.name ?? 'left out'}`).join(', ');
  }

  it.each([
    ['its certificate from anywhere', '192.0.2.1', true, NAME, '1 everywhere, 3 left out'],
    ['its certificate from one of its addresses', '40.107.1.1', true, NAME, '1 everywhere, 2 somewhere, 3 left out'],
    ['its address without its certificate', '40.107.1.1', true, undefined, 'Tenant by-address'],
    ['its address with another certificate', '40.107.1.1', true, 'mx.evil.example', 'Tenant by-address'],
    ['its address in clear text', '40.107.1.1', false, NAME, 'Tenant by-address'],
    ['clear text from anywhere', '192.0.2.1', false, NAME, 'Internet'],
    ['a held address does not hold all of its customers', '40.92.1.1', true, NAME, '1 everywhere, 3 left out'],
    ['a held address without its certificate', '40.92.1.1', true, undefined, 'Held'],
  ])('%s', (_name, address, tls, shown, expected) => {
    expect(claims(address, tls, shown)).toBe(expected);
  });

  it('has its certificate verified once, however many tenants name it', () => {
    const names: (readonly string[])[] = [];
    const many = compileSources(
      relayConfig({
        tenantRoutes: ['a', 'b', 'c'].map((name) => tenantRoute(name, { sources: [exchange(name)] })),
      }),
    );
    identifyClient(many, {
      address: '192.0.2.1',
      tls: true,
      certificateMatches: (demand) => names.push(demand.names) > 0,
    });
    expect(names).toEqual([[NAME]]);
  });

  it('is asked for its certificate', () => {
    expect(couldNeedCertificate(sources, '192.0.2.1')).toBe(true);
    const narrow = compileSources(
      relayConfig({ tenantRoutes: [tenantRoute('a', { sources: [exchange('1', { cidrs: ['40.107.0.0/16'] })] })] }),
    );
    expect(couldNeedCertificate(narrow, '40.107.0.1')).toBe(true);
    expect(couldNeedCertificate(narrow, '192.0.2.1')).toBe(false);
  });
});

describe('couldNeedCertificate', () => {
  it('asks only where a source could match', () => {
    const byAddress = compileSources(
      relayConfig({
        tenantRoutes: [tenantRoute('a', { sources: [certificate('x', '10.0.0.0/8'), cidr('192.0.2.0/24')] })],
      }),
    );
    expect(couldNeedCertificate(byAddress, '10.1.1.1')).toBe(true);
    expect(couldNeedCertificate(byAddress, '192.0.2.1')).toBe(false);
    expect(couldNeedCertificate(SOURCES, '192.0.2.1')).toBe(true);
  });
});
