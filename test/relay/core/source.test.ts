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

function identify(address: string, tls: boolean, presented?: string): string {
  const identity = identifyClient(SOURCES, {
    address,
    tls,
    certificateMatches: ({ names }) => presented !== undefined && names.includes(presented),
  });
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
    ['no address at all', 'unknown', false, undefined, 'Internet'],
  ])('%s', (_name, address, tls, presented, expected) => {
    expect(identify(address, tls, presented)).toBe(expected);
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
