/** `npm run demo`: two tenants, the internet and a relay between them on this machine, and the story of John and Mary. */

import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Authority, type Identity, makeAuthority } from './certificates.ts';
import { keepRunning } from './keep.ts';
import { type Arrival, type MailSystem, startMailSystem } from './mail-system.ts';
import { writeOverlay } from './overlay.ts';
import { play, type Stage } from './play.ts';
import { freePort } from './ports.ts';
import { type Relay, startRelay } from './relay.ts';
import { ACTS, MAILBOXES, type Place } from './story.ts';
import { formatAct, paintFor } from './table.ts';
import { createVerifier } from './verifier.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const SAMPLE = join('deploy', 'samples', 'two-tenants');
const NAMES: Readonly<Record<Place, string>> = {
  tenant1: 'mail.tenant1.example',
  tenant2: 'mail-a.tenant2.example',
  world: 'mx.world.example',
};

const paint = paintFor(process.stdout, process.env);
const print = (text: string) => process.stdout.write(`${text}\n`);

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

function makeIdentities(authority: Authority): Record<Place, Identity> {
  return {
    tenant1: authority.issue(NAMES.tenant1),
    tenant2: authority.issue(NAMES.tenant2),
    world: authority.issue(NAMES.world),
  };
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-demo-'));
  let systems: Record<Place, MailSystem> | undefined;
  let relay: Relay | undefined;
  try {
    const authority = makeAuthority();
    const identities = makeIdentities(authority);
    const [shared, world] = [makeDkimKey(), makeDkimKey()];
    let live: ((arrival: Arrival) => void) | undefined;
    systems = await startMailSystems(identities, (arrival) => live?.(arrival));
    const ports = { tenant1: systems.tenant1.port, tenant2: systems.tenant2.port, world: systems.world.port };
    const overlay = join(folder, 'overlay');
    writeOverlay({
      from: join(root, 'demo', 'overlay'),
      to: overlay,
      ports,
      dkimKey: shared.privateKey,
      authority: authority.certificate,
    });
    const [port, metricsPort] = [await freePort(2525), await freePort(9090)];
    relay = await startRelay({ root, folder, manifests: [SAMPLE, overlay], port, metricsPort });
    print(
      `The relay runs ${SAMPLE} on port ${port}; tenant 1, tenant 2 and the internet are mail systems on this machine.\n`,
    );
    const failures = await tell({
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
    });
    if (values.keep) {
      writeFileSync(join(folder, 'tenant1.pem'), identities.tenant1.certificate + identities.tenant1.key, {
        mode: 0o600,
      });
      await keepRunning({ port, metricsPort, folder, sample: SAMPLE, print, onLive: (listener) => (live = listener) });
    }
    return failures === 0 ? 0 : 1;
  } finally {
    await relay?.stop();
    await Promise.all(Object.values(systems ?? {}).map((system) => system.close()));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Plays every act, whatever became of those before it. */
async function tell(stage: Stage): Promise<number> {
  let failures = 0;
  for (const [index, act] of ACTS.entries()) {
    const scenes = await play(act, stage);
    print(formatAct(index + 1, act, scenes, paint));
    failures += scenes.filter((scene) => scene.failures.length > 0).length;
  }
  if (failures === 0) print(paint.good(`All ${ACTS.length} went as the story says.`));
  else
    print(paint.bad(`${failures} of the transactions above went otherwise than the story says: see the lines with ✗.`));
  return failures;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
