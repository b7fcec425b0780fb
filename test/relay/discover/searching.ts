/** A discoverer over next hops that answer by address, with a clock that stands still until it is moved. */

import { onTestFinished } from 'vitest';
import type { RelayConfig } from '../../../relay/core/config.ts';
import { buildDirectory } from '../../../relay/core/directory.ts';
import { type AcceptedRecipient, decideRecipient } from '../../../relay/core/recipient.ts';
import { formatReply } from '../../../relay/core/reply.ts';
import { INTERNET } from '../../../relay/core/source.ts';
import { parseMailbox } from '../../../relay/core/address.ts';
import { NULL_PATH } from '../../../relay/core/envelope.ts';
import { createDiscoverer, type DiscoveryLimits } from '../../../relay/discover/discoverer.ts';
import { createNextHops } from '../../../relay/next-hop/next-hops.ts';
import { nextHop, relayConfig, sharedDomain, tenantRoute } from '../../support/relay-config.ts';
import type { Script, ScriptedPeer } from '../next-hop/scripted-peer.ts';
import { peer } from '../next-hop/sending.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const NOBODY = /^isthmus-recipient-check-[0-9a-z]+@/;

export const UNKNOWN = '550 5.1.1 no such user here';

/** Takes exactly these; `otherwise` for all others. */
export function knows(users: readonly string[], otherwise = UNKNOWN): Script {
  return { RCPT: (path) => (users.includes(path) ? '250 2.1.5 ok' : otherwise) };
}

/** tenant1, tenant2 and so on, asked in this order, behind next hops on these ports. */
export function discovering(ports: readonly number[], generation = '1'): RelayConfig {
  const routes = ports.map((port, index) =>
    tenantRoute(`tenant${index + 1}`, {
      generation,
      recipientCheck: 'AtRcpt',
      nextHop: nextHop({ hosts: [{ host: '127.0.0.1', port }] }),
    }),
  );
  const order = routes.map(({ name }) => name);
  return relayConfig({
    sharedDomains: [sharedDomain({ unresolvedRecipients: { action: 'Discover', order } })],
    tenantRoutes: routes,
  });
}

export function candidatesFor(config: RelayConfig, address: string): readonly AcceptedRecipient[] {
  const parsed = parseMailbox(address);
  if (!parsed.ok) throw new Error(`${address} ${parsed.reason}`);
  const forwardPath = { text: address, mailbox: parsed.value };
  const question = { client: INTERNET, tls: true, reversePath: NULL_PATH, forwardPath };
  const decision = decideRecipient(buildDirectory(config), question);
  if (decision.action !== 'Discover') throw new Error(`${address} is not to be discovered`);
  return decision.candidates;
}

export interface SearchOptions {
  readonly limits?: Partial<DiscoveryLimits>;
}

export function searching(first: RelayConfig, { limits = {} }: SearchOptions = {}) {
  let config = first;
  let clock = 0;
  let look = () => {};
  let tokens = 0;
  const seen: string[] = [];
  const watchers = new Set<() => void>();
  const saw = (what: string) => {
    seen.push(what);
    for (const watcher of [...watchers]) watcher();
  };
  const nextHops = createNextHops({ config, credentials: new Map() });
  const discoverer = createDiscoverer({
    config,
    nextHops,
    now: () => clock,
    token: () => `x${++tokens}`,
    limits,
    every: (_milliseconds, run) => {
      look = run;
      return () => {
        look = () => {};
      };
    },
    events: {
      discovered: (result) => saw(`discovered ${result}`),
      asked: (about, answer) => saw(`asked ${about} ${answer}`),
      nextHopRefuses: (target, meaning) =>
        saw(`${target.kind === 'TenantRoute' ? target.name : ''} refuses: ${meaning}`),
      standing: (route, state) => saw(`${route} ${state}`),
      unclear: (route, cause) => saw(`${route} unclear: ${cause}`),
      failed: (error) => saw(`failed: ${String(error)}`),
    },
  });
  onTestFinished(async () => {
    discoverer.close();
    await nextHops.close();
  });
  return {
    discoverer,
    seen,
    /** Resolves as soon as that event has been seen so many times. */
    until: (what: string, times = 1) =>
      new Promise<void>((resolve) => {
        const watcher = () => {
          if (seen.filter((one) => one === what).length < times) return;
          watchers.delete(watcher);
          resolve();
        };
        watchers.add(watcher);
        watcher();
      }),
    /** Moves the clock, and lets the discoverer look at it. */
    pass: (milliseconds: number) => {
      clock += milliseconds;
      look();
    },
    update: (next: RelayConfig) => {
      nextHops.update(next, new Map());
      config = next;
      discoverer.update(next);
    },
    /** `john@tenant1.example`, or what the client hears. */
    find: async (address: string, countedAs?: string): Promise<string> => {
      const found = await discoverer.discover(candidatesFor(config, address), countedAs);
      return found.action === 'Accept' ? found.forwardPath : formatReply(found.reply).slice(0, 9);
    },
    explain: async (address: string): Promise<string> => {
      const found = await discoverer.discover(candidatesFor(config, address), undefined);
      return found.action === 'Accept' ? '' : found.cause;
    },
  };
}

/** Peers for tenant1, tenant2 and so on, and a discoverer that asks them. */
export async function among(scripts: readonly Script[], options: SearchOptions = {}) {
  const peers = await Promise.all(scripts.map((script) => peer(script)));
  const ports = peers.map(({ port }) => port);
  return { peers, ports, ...searching(discovering(ports), options) };
}

function recipientsAsked({ conversations }: ScriptedPeer): string[] {
  const commands = conversations.flatMap(({ commands: all }) => all);
  return commands.filter((line) => line.startsWith('RCPT')).map((line) => line.slice('RCPT TO:<'.length, -1));
}

/** Somebody's addresses that the next hop was asked for. */
export function askedOf(one: ScriptedPeer | undefined): string[] {
  return one === undefined ? [] : recipientsAsked(one).filter((path) => !NOBODY.test(path));
}

/** Addresses that nobody has. */
export function nobodiesOf(one: ScriptedPeer | undefined): string[] {
  return one === undefined ? [] : recipientsAsked(one).filter((path) => NOBODY.test(path));
}
