/** A relay in this process with two tenants at Exchange Online, scripted next hops, and clients with every kind of certificate. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RelayConfig, RewriteRuleConfig, SourceConfig } from '../../relay/core/config.ts';
import { Relay } from '../../relay/main.ts';
import { makeSelfSigned } from '../../relay/tls/self-signed.ts';
import { openLines } from '../../relay/tracking/tracking.ts';
import { certificateFolder, type Identity } from '../support/certificates.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { type ConfigParts, nextHop, relayConfig, sharedDomain, tenantRoute } from '../support/relay-config.ts';
import { type Script, type ScriptedPeer, startPeer } from './next-hop/scripted-peer.ts';

export const TENANT_ID = 'X-MS-Exchange-CrossTenant-Id';
export const ONE = '11111111-aaaa-bbbb-cccc-000000000001';
export const TWO = '22222222-aaaa-bbbb-cccc-000000000002';
export const GONE = '33333333-aaaa-bbbb-cccc-000000000003';
export const FOREIGN = '99999999-aaaa-bbbb-cccc-000000000009';
const EXCHANGE = 'mail.protection.exchange.example';
/** The addresses of the sources hold this one, and not the other. */
export const INSIDE = '127.0.0.11';
export const OUTSIDE = '127.0.0.99';

export const SHOWN = ['clear text', 'no certificate', 'forged', 'another name', 'Exchange Online'] as const;
export type Shown = (typeof SHOWN)[number];

export interface ExchangeWorld {
  readonly tenant1: ScriptedPeer;
  readonly tenant2: ScriptedPeer;
  readonly world: ScriptedPeer;
  readonly peers: readonly ScriptedPeer[];
  readonly port: number;
  /** EHLO is said, over TLS where a certificate is shown. */
  client(shown?: Shown, localAddress?: string): Promise<RawSmtp>;
  /** Lines of tracking and log so far, parsed. */
  lines(): Record<string, unknown>[];
  metric(name: string): Promise<number>;
  stop(): Promise<void>;
}

export interface ExchangeCertificates {
  readonly ca: string;
  readonly identities: Readonly<Partial<Record<Shown, Identity>>>;
  remove(): void;
}

export async function exchangeCertificates(): Promise<ExchangeCertificates> {
  const folder = certificateFolder();
  const [authority, forger] = [await folder.authority('Public'), await folder.authority('Public')];
  return {
    ca: authority.certificate,
    identities: {
      'Exchange Online': await authority.issue({ names: [EXCHANGE], usage: ['serverAuth'] }),
      'another name': await authority.issue({ names: ['mail.world.example'] }),
      forged: await forger.issue({ names: [EXCHANGE] }),
    },
    remove: () => folder.remove(),
  };
}

/** One for each connection, the last for all further ones. */
type Scripts = Script | readonly Script[];

export interface WorldOptions {
  readonly tenant1?: Scripts;
  readonly tenant2?: Scripts;
  readonly world?: Scripts;
  readonly parts?: ConfigParts;
  /** Tenants that are asked for unresolved recipients, in this order; default: all of these go to tenant1. */
  readonly discover?: readonly string[];
  /** PEM of the key that signs the shared domain's mail. */
  readonly dkimKey?: string;
}

export async function exchangeWorld(
  certificates: ExchangeCertificates,
  options: WorldOptions = {},
): Promise<ExchangeWorld> {
  const { tenant1 = {}, tenant2 = {}, world = {}, parts = {}, dkimKey = '' } = options;
  const peer = (scripts: Scripts) => startPeer(...[scripts].flat());
  const peers = [await peer(tenant1), await peer(tenant2), await peer(world)] as const;
  const ports = peers.map(({ port }) => port);
  const spoolFolder = mkdtempSync(join(tmpdir(), 'isthmus-exchange-'));
  const written: string[] = [];
  const relay = new Relay(
    {
      listen: [{ host: '127.0.0.1', port: 0 }],
      spoolFolder,
      dnsServers: [],
      lines: openLines({ destination: { write: (line: string) => void written.push(line) } }),
    },
    {
      config: exchangeConfig(ports, parts, options),
      credentials: new Map([
        ['ca', certificates.ca],
        ['dkim', dkimKey],
      ]),
      identity: makeSelfSigned('relay.shared.example', new Date()),
    },
  );
  await relay.listen();
  const port = relay.addresses[0]?.port ?? 0;
  return {
    tenant1: peers[0],
    tenant2: peers[1],
    world: peers[2],
    peers,
    port,
    client: (shown = 'Exchange Online', localAddress = INSIDE) => connect(certificates, port, shown, localAddress),
    lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>),
    metric: async (name) =>
      Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(await relay.metrics.text())?.[1]),
    stop: async () => {
      await relay.drain();
      for (const peer of peers) await peer.stop();
      rmSync(spoolFolder, { recursive: true, force: true });
    },
  };
}

async function connect(certificates: ExchangeCertificates, port: number, shown: Shown, localAddress: string) {
  const client = await RawSmtp.greeted('127.0.0.1', port, { localAddress });
  if (shown === 'clear text') return client;
  const { certificate: cert, key } = certificates.identities[shown] ?? {};
  await client.startTls({ rejectUnauthorized: false, ...(cert === undefined ? {} : { cert, key }) });
  return client;
}

function exchangeConfig(
  ports: readonly number[],
  parts: ConfigParts,
  { discover, dkimKey }: WorldOptions,
): RelayConfig {
  const at = (port: number | undefined) => nextHop({ hosts: [{ host: '127.0.0.1', port: port ?? 0 }] });
  return relayConfig({
    sharedDomains: [
      sharedDomain({
        dkim: dkimKey === undefined ? [] : [{ selector: 's1', key: 'dkim', algorithm: 'RSA2048' }],
        unresolvedRecipients:
          discover === undefined
            ? { action: 'Route', tenantRoute: 'tenant1' }
            : { action: 'Discover', order: [...discover] },
      }),
    ],
    tenantRoutes: [
      tenantRoute('tenant1', {
        recipientCheck: 'AtRcpt',
        nextHop: at(ports[0]),
        sources: [exchange(ONE, ['tenant1.onmicrosoft.example'])],
      }),
      tenantRoute('tenant2', { recipientCheck: 'AtRcpt', nextHop: at(ports[1]), sources: [exchange(TWO, [])] }),
    ],
    rewriteRules: [rule('john', 'tenant1'), rule('mary', 'tenant2')],
    held: { sources: [exchange(GONE, ['gone.example'])] },
    ...parts,
    fleet: {
      outbound: { route: 'SmartHost', smartHost: at(ports[2]), dnsServers: [], egressCIDRs: [] },
      drainSeconds: 1,
      ...parts.fleet,
    },
  });
}

function exchange(tenantId: string, organizations: string[]): SourceConfig {
  return {
    cidrs: ['127.0.0.8/29'],
    tlsRequired: true,
    exchangeOnline: { tenantId, organizations, certificateNames: [EXCHANGE], ca: 'ca' },
  };
}

function rule(person: string, tenant: string): RewriteRuleConfig {
  return {
    name: person,
    sharedDomain: 'shared.example',
    tenantRoute: tenant,
    mode: 'Enforce',
    addresses: [[`${person}@${tenant}.example`, `${person}@shared.example`, 'Both']],
    domains: [],
  };
}
