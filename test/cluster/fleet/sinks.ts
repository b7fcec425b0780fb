/** The mail systems behind a fleet: every message that they take is in their ledger under its id, as often as it came. */

import { once } from 'node:events';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import { type Authority, makeAuthority } from '../../../demo/certificates.ts';
import { headerField } from '../../../demo/message.ts';
import { runOrThrow } from '../../support/child-process.ts';
import type { Cluster } from '../nodes/cluster.ts';
import { BRIDGE } from '../nodes/network.ts';

export const PLACES = {
  tenant1: { zone: 'tenant1.example', host: 'mail', address: '10.98.255.101' },
  tenant2: { zone: 'tenant2.example', host: 'mail', address: '10.98.255.102' },
  world: { zone: 'world.example', host: 'mx', address: '10.98.255.103' },
} as const;

export type PlaceName = keyof typeof PLACES;
export const PLACE_NAMES = Object.keys(PLACES) as readonly PlaceName[];

export interface Receipt {
  readonly place: PlaceName;
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
}

/** How a mail system treats those who write to it. */
export interface Mood {
  /** Before the answer to the final dot. */
  readonly delayMs?: number;
  /** Answer to RCPT: `451 4.3.2 Come back later`. */
  readonly refuse?: string;
}

export interface Sinks {
  /** What shows that they are who they are. */
  readonly authority: Authority;
  /** By Message-ID, with every copy. */
  readonly ledger: ReadonlyMap<string, readonly Receipt[]>;
  /** The message that a place took last. */
  last(place: PlaceName): Buffer | undefined;
  setMood(place: PlaceName, mood: Mood): void;
  /** What was taken so far need not be remembered. */
  forget(): void;
  stop(): Promise<void>;
}

const SMTP_PORT = 25;

class Refusal extends Error {
  readonly responseCode: number;
  constructor(reply: string) {
    super(reply.slice(4));
    this.responseCode = Number(reply.slice(0, 3));
  }
}

export async function startSinks(cluster: Cluster): Promise<Sinks> {
  const authority = makeAuthority();
  const ledger = new Map<string, Receipt[]>();
  const lastOf = new Map<PlaceName, Buffer>();
  const moods = new Map<PlaceName, Mood>();
  const take = (place: PlaceName, session: SMTPServerSession, message: Buffer) => {
    const { mailFrom, rcptTo } = session.envelope;
    const reversePath = mailFrom === false ? '' : mailFrom.address;
    const receipt = { place, reversePath, forwardPaths: rcptTo.map(({ address }) => address) };
    const id = headerField(message, 'Message-ID') ?? `no Message-ID ${ledger.size}`;
    ledger.set(id, [...(ledger.get(id) ?? []), receipt]);
    lastOf.set(place, message);
  };
  const servers: SMTPServer[] = [];
  for (const place of PLACE_NAMES) {
    const { zone, host, address } = PLACES[place];
    await runOrThrow('ip', ['address', 'replace', `${address}/24`, 'dev', BRIDGE]);
    cluster.setZone(zone, `@ MX 10 ${host}\n${host} A ${address}`);
    const server = sinkServer(authority, `${host}.${zone}`, () => moods.get(place) ?? {}, take.bind(undefined, place));
    server.listen(SMTP_PORT, address);
    await once(server.server, 'listening');
    servers.push(server);
  }
  return {
    ...{ authority, ledger },
    last: (place) => lastOf.get(place),
    setMood: (place, mood) => void moods.set(place, mood),
    forget: () => ledger.clear(),
    stop: async () => {
      await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(resolve))));
    },
  };
}

function sinkServer(
  authority: Authority,
  name: string,
  mood: () => Mood,
  take: (session: SMTPServerSession, message: Buffer) => void,
): SMTPServer {
  const { certificate: cert, key } = authority.issue(name);
  const server = new SMTPServer({
    ...{ name, key, cert, authOptional: true, disabledCommands: ['AUTH'], disableReverseLookup: true },
    // Connections are ended by relays; a sink that stops waits for nobody.
    closeTimeout: 100,
    onRcptTo: (_address, _session, done) => {
      const { refuse } = mood();
      done(refuse === undefined ? null : new Refusal(refuse));
    },
    onData: (stream, session, done) => {
      stream.toArray().then(
        (chunks) => {
          const answer = () => {
            take(session, Buffer.concat(chunks));
            done(null, '2.0.0 Taken');
          };
          setTimeout(answer, mood().delayMs ?? 0);
        },
        (error) => done(error),
      );
    },
  });
  // Relays are killed in the middle of a sentence.
  server.on('error', () => {});
  return server;
}
