/** Sets up and takes down what the story is played on: two tenants, the internet, and the relay between them. */

import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Identity, makeAuthority } from './certificates.ts';
import { type Arrival, type MailSystem, startMailSystem } from './mail-system.ts';
import { writeOverlay } from './overlay.ts';
import type { Stage } from './play.ts';
import { freePort } from './ports.ts';
import { type Relay, startRelay } from './relay.ts';
import type { Place } from './act.ts';
import { MAILBOXES } from './story.ts';
import { createVerifier } from './verifier.ts';

export const SAMPLE = join('deploy', 'samples', 'two-tenants');
const OVERLAY = join('demo', 'overlay');
/** What the relay takes when nobody says otherwise, and what Prometheus does. */
const USUAL_PORT = 2525;
const USUAL_METRICS_PORT = 9090;

const NAMES: Readonly<Record<Place, string>> = {
  tenant1: 'mail.tenant1.example',
  tenant2: 'mail-a.tenant2.example',
  world: 'mx.world.example',
};

export interface Scenery {
  readonly stage: Stage;
  readonly port: number;
  readonly metricsPort: number;
  readonly logFile: string;
  /** Certificate and key of John's mail system, in one PEM file. */
  readonly certificateFile: string;
  /** Resolves with the relay's exit code; undefined when a signal ended it. */
  takeDown(): Promise<number | undefined>;
}

export interface SceneryOptions {
  /** Take the usual ports when they are free: for a person who will type them. */
  readonly usualPorts: boolean;
  onArrival(arrival: Arrival): void;
}

export async function setUp({ usualPorts, onArrival }: SceneryOptions): Promise<Scenery> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-demo-'));
  let systems: Record<Place, MailSystem> | undefined;
  let relay: Relay | undefined;
  const takeDown = async () => {
    const code = await relay?.stop();
    await Promise.all(Object.values(systems ?? {}).map((system) => system.close()));
    rmSync(folder, { recursive: true, force: true });
    return code;
  };
  try {
    const authority = makeAuthority();
    const identities = { tenant1: authority.issue(NAMES.tenant1), tenant2: authority.issue(NAMES.tenant2) };
    systems = await startMailSystems({ ...identities, world: authority.issue(NAMES.world) }, onArrival);
    const [shared, world] = [makeDkimKey(), makeDkimKey()];
    const overlay = join(folder, 'overlay');
    const ports = { tenant1: systems.tenant1.port, tenant2: systems.tenant2.port, world: systems.world.port };
    const { certificate } = authority;
    writeOverlay({ from: join(root, OVERLAY), to: overlay, ports, dkimKey: shared.privateKey, authority: certificate });
    const certificateFile = join(folder, 'tenant1.pem');
    writeFileSync(certificateFile, identities.tenant1.certificate + identities.tenant1.key, { mode: 0o600 });
    const port = await freePort(usualPorts ? USUAL_PORT : undefined);
    const metricsPort = await freePort(usualPorts ? USUAL_METRICS_PORT : undefined);
    relay = await startRelay({ root, folder, manifests: [SAMPLE, overlay], port, metricsPort });
    const stage: Stage = {
      senders: {
        tenant1: { name: NAMES.tenant1, identity: identities.tenant1, relayPort: port },
        tenant2: { name: NAMES.tenant2, identity: identities.tenant2, relayPort: port },
        world: { name: NAMES.world, relayPort: port },
        stranger: { name: 'stranger.invalid', relayPort: port },
      },
      systems,
      verify: createVerifier({
        'isthmus._domainkey.shared.example': shared.record,
        'world._domainkey.world.example': world.record,
      }),
      worldKey: world.privateKey,
    };
    return { stage, port, metricsPort, logFile: relay.logFile, certificateFile, takeDown };
  } catch (error) {
    await takeDown();
    throw error;
  }
}

function makeDkimKey(): { readonly privateKey: string; readonly record: string } {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { privateKey: pair.privateKey, record: pair.publicKey.toString('base64') };
}

async function startMailSystems(identities: Readonly<Record<Place, Identity>>, onArrival: (arrival: Arrival) => void) {
  const start = (place: Place, hasMailbox: (address: string) => boolean) =>
    startMailSystem({ name: NAMES[place], identity: identities[place], hasMailbox, onArrival });
  return {
    tenant1: await start('tenant1', (address) => MAILBOXES.tenant1.includes(address)),
    tenant2: await start('tenant2', (address) => MAILBOXES.tenant2.includes(address)),
    world: await start('world', (address) => address.endsWith('@world.example')),
  } satisfies Record<Place, MailSystem>;
}
