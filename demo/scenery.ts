/** Sets up and takes down what a part of the story is played on: its mail systems, and the relay between them. */

import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Place, SenderName } from './act.ts';
import { type Authority, type Identity, makeAuthority } from './certificates.ts';
import { type Arrival, type MailSystem, startMailSystem } from './mail-system.ts';
import { type Ports, writeManifests, writeOverlay } from './overlay.ts';
import type { Part } from './part.ts';
import type { Stage } from './play.ts';
import { freePort } from './ports.ts';
import { type Relay, startRelay } from './relay.ts';
import type { Sender } from './sending.ts';
import { createVerifier } from './verifier.ts';

/** What the relay takes when nobody says otherwise, and what Prometheus does. */
const USUAL_PORT = 2525;
const USUAL_METRICS_PORT = 9090;

export interface Scenery {
  readonly stage: Stage;
  readonly port: number;
  readonly metricsPort: number;
  readonly logFile: string;
  /** Of this part alone; gone when it is taken down. */
  readonly folder: string;
  /** Resolves with the relay's exit code; undefined when a signal ended it. */
  takeDown(): Promise<number | undefined>;
}

export interface SceneryOptions {
  /** Take the usual ports when they are free: for a person who will type them. */
  readonly usualPorts: boolean;
  onArrival(arrival: Arrival): void;
}

export async function setUp(part: Part, { usualPorts, onArrival }: SceneryOptions): Promise<Scenery> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-demo-'));
  const systems: Partial<Record<Place, MailSystem>> = {};
  let relay: Relay | undefined;
  const takeDown = async () => {
    const code = await relay?.stop();
    await Promise.all(Object.values(systems).map((system) => system.close()));
    rmSync(folder, { recursive: true, force: true });
    return code;
  };
  try {
    const authority = makeAuthority();
    for (const [place, { name, hasMailbox }] of entries(part.sites)) {
      systems[place] = await startMailSystem({ name, identity: authority.issue(name), hasMailbox, onArrival });
    }
    const ports: Ports = Object.fromEntries(entries(systems).map(([place, system]) => [place, system.port]));
    const [shared, world] = [makeDkimKey(), makeDkimKey()];
    const overlay = join(folder, 'overlay');
    const { certificate } = authority;
    const from = join(root, part.overlay);
    writeOverlay({ from, to: overlay, ports, dkimKey: shared.privateKey, authority: certificate });
    const port = await freePort(usualPorts ? USUAL_PORT : undefined);
    const metricsPort = await freePort(usualPorts ? USUAL_METRICS_PORT : undefined);
    relay = await startRelay({ root, folder, manifests: [part.sample, overlay], port, metricsPort });
    const { logFile, changed } = relay;
    const stage: Stage = {
      senders: sendersOf(part, authority, { relayPort: port }),
      systems,
      verify: createVerifier({
        [`isthmus._domainkey.${part.domain}`]: shared.record,
        'world._domainkey.world.example': world.record,
      }),
      worldKey: world.privateKey,
      addManifests: (more) => changed(() => writeManifests({ from: join(root, more), to: overlay, ports })),
    };
    return { stage, port, metricsPort, logFile, folder, takeDown };
  } catch (error) {
    await takeDown();
    throw error;
  }
}

function entries<Key extends string, Value>(record: Readonly<Partial<Record<Key, Value>>>): [Key, Value][] {
  return Object.entries(record) as [Key, Value][];
}

/** Who shows a certificate of the same name shows the same one. */
export function sendersOf(
  { origins }: Part,
  authority: Authority,
  relay: Pick<Sender, 'relayPort' | 'relayHost'>,
): Partial<Record<SenderName, Sender>> {
  const issued = new Map<string, Identity>();
  const identityOf = (name: string, selfMade: boolean) => {
    if (selfMade) return makeAuthority().issue(name);
    const identity = issued.get(name) ?? authority.issue(name);
    issued.set(name, identity);
    return identity;
  };
  return Object.fromEntries(
    entries(origins).map(([sender, { name, certificate, selfMade = false }]) => [
      sender,
      { name, identity: certificate === undefined ? undefined : identityOf(certificate, selfMade), ...relay },
    ]),
  );
}

export function makeDkimKey(): { readonly privateKey: string; readonly record: string } {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { privateKey: pair.privateKey, record: pair.publicKey.toString('base64') };
}
