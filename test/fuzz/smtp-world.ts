/** One relay in this process for an episode of the fuzzer: scripted next hops, and what became of every message there. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RewriteRuleConfig } from '../../relay/core/config.ts';
import { Relay } from '../../relay/main.ts';
import { makeSelfSigned } from '../../relay/tls/self-signed.ts';
import { openLines } from '../../relay/tracking/tracking.ts';
import { nextHop, relayConfig, tenantRoute } from '../support/relay-config.ts';
import { type ExchangeCertificates, ONE, TWO } from '../relay/exchange-world.ts';
import {
  CLOSE,
  type Conversation,
  type Script,
  type ScriptedPeer,
  startPeer,
} from '../relay/next-hop/scripted-peer.ts';
import { MOST_RECIPIENTS, RCPT_ANSWERS } from './smtp-rules.ts';
import { Random } from './random.ts';

export const PEERS = ['tenant1', 'tenant2', 'world'] as const;
export type PeerName = (typeof PEERS)[number];
export const PEOPLE = ['john', 'mary', ...RCPT_ANSWERS.keys()];
/** Of `TenantRoute` tenant1, by its address alone. */
export const TENANT_ADDRESS = '127.0.0.21';
export const EXCHANGE_ADDRESS = '127.0.0.11';
export const STRANGER_ADDRESS = '127.0.0.99';

const DOT_ANSWERS = ['250 2.0.0 taken', '550 5.6.0 bad', '451 4.3.2 later', '550 5.7.64 not you', '999 what', CLOSE];

export interface SmtpWorld {
  readonly port: number;
  readonly peers: Readonly<Record<PeerName, ScriptedPeer>>;
  /** What the relay itself thinks is open. */
  open(): { readonly connections: number; readonly waiting: number; readonly busy: number };
  metric(name: string): Promise<number>;
  /** Resolves when nothing is left: claims and connections would keep it. */
  stop(): Promise<void>;
}

/** The seed chooses what next hops say after the final dot. */
export async function smtpWorld(certificates: ExchangeCertificates, seed: number): Promise<SmtpWorld> {
  const random = new Random(seed);
  const scripts = (): Script[] => Array.from({ length: 12 }, () => script(random));
  const started = [
    await startPeer(...scripts()),
    await startPeer(...scripts()),
    await startPeer(...scripts()),
  ] as const;
  const peers = { tenant1: started[0], tenant2: started[1], world: started[2] };
  const at = ({ port }: ScriptedPeer) => nextHop({ hosts: [{ host: '127.0.0.1', port }] });
  const exchange = (tenantId: string, organizations: string[]) => ({
    cidrs: ['127.0.0.8/29'],
    tlsRequired: true,
    exchangeOnline: { tenantId, organizations, certificateNames: ['mail.protection.exchange.example'], ca: 'ca' },
  });
  const spoolFolder = mkdtempSync(join(tmpdir(), 'isthmus-fuzz-'));
  const relay = new Relay(
    {
      listen: [{ host: '127.0.0.1', port: 0 }],
      spoolFolder,
      dnsServers: [],
      lines: openLines({ destination: { write: () => undefined } }),
    },
    {
      config: relayConfig({
        limits: {
          messagesPerMinutePerClient: 1_000_000_000,
          connectionsPerClient: 1000,
          recipientsPerMessage: MOST_RECIPIENTS,
        },
        tenantRoutes: [
          tenantRoute('tenant1', {
            nextHop: at(peers.tenant1),
            sources: [
              { cidrs: [`${TENANT_ADDRESS}/32`], tlsRequired: false },
              exchange(ONE, ['tenant1.onmicrosoft.example']),
            ],
          }),
          tenantRoute('tenant2', { nextHop: at(peers.tenant2), sources: [exchange(TWO, [])] }),
        ],
        rewriteRules: PEOPLE.map(rule),
        fleet: {
          outbound: { route: 'SmartHost', smartHost: at(peers.world), dnsServers: [], egressCIDRs: [] },
          drainSeconds: 1,
        },
      }),
      credentials: new Map([['ca', certificates.ca]]),
      identity: makeSelfSigned('relay.shared.example', new Date()),
    },
  );
  await relay.listen();
  return {
    port: relay.addresses[0]?.port ?? 0,
    peers,
    open: () => {
      const { counts, nextHops } = relay.status();
      const sum = (key: 'open' | 'idle' | 'waiting') => nextHops.reduce((total, hop) => total + hop[key], 0);
      return { connections: counts.connections, waiting: sum('waiting'), busy: sum('open') - sum('idle') };
    },
    metric: async (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await relay.metrics.text())?.[1]),
    stop: async () => {
      await relay.drain();
      for (const peer of started) await peer.stop();
      rmSync(spoolFolder, { recursive: true, force: true });
    },
  };
}

export function tenantOf(person: string): 'tenant1' | 'tenant2' {
  return person === 'mary' || person === 'busy' ? 'tenant2' : 'tenant1';
}

export function conversationsOf(world: SmtpWorld): { readonly peer: PeerName; readonly conversation: Conversation }[] {
  return PEERS.flatMap((peer) => world.peers[peer].conversations.map((conversation) => ({ peer, conversation })));
}

function script(random: Random): Script {
  return {
    RCPT: (forwardPath) => RCPT_ANSWERS.get(forwardPath.split(/[+@]/)[0] ?? '') ?? '250 2.1.5 ok',
    // Mostly taken, so that connections are used again; never CLOSE last, which all further times would be.
    content: [
      ...random.some(10, () => (random.once(2) ? '250 2.0.0 taken' : random.pick(DOT_ANSWERS))),
      '250 2.0.0 ok',
    ],
  };
}

function rule(person: string): RewriteRuleConfig {
  const tenant = tenantOf(person);
  return {
    name: person,
    sharedDomain: 'shared.example',
    tenantRoute: tenant,
    mode: 'Enforce',
    addresses: [[`${person}@${tenant}.example`, `${person}@shared.example`, 'Both']],
    domains: [],
  };
}
