/** Relays in containers of the image that pods run, with the folder of a pod's configuration, and HAProxy in front of them. */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GenericContainer, type StartedNetwork, type StartedTestContainer, Wait } from 'testcontainers';
import { compileFor } from '../../deploy/image/compile.ts';
import { buildImages, readCheckout } from '../../deploy/image/images.ts';
import { haproxySettings } from '../support/haproxy.ts';
import { ROOT } from '../support/test-files.ts';
import type { Engine } from './engine.ts';
import { MACHINE_IMAGE, MACHINE_MOUNTS } from './machine-image.ts';

const SMTP_PORT = 2525;
const HTTP_PORT = 9090;

/** The name of the image that the engine has then. */
export async function loadRelayImage({ docker }: Engine): Promise<string> {
  const compiled = compileFor(ROOT, ['relay']);
  if (!compiled.ok) throw new Error(compiled.output);
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-relay-image-'));
  const [image] = await buildImages(readCheckout(ROOT), ['relay'], { folder, tag: 'containers' });
  if (image === undefined) throw new Error('no image was built');
  await docker('load', '--input', image.file);
  rmSync(folder, { recursive: true });
  return image.name;
}

export interface ContainedRelay {
  readonly container: StartedTestContainer;
  /** `host:port` in the network of the containers. */
  readonly server: string;
  isReady(): Promise<boolean>;
  /** What it has written so far. */
  output(): string;
  /** Lines of tracking in it. */
  tracking(): Record<string, unknown>[];
}

/** Resolves when it answers probes; it is ready once the folder holds a configuration. */
export async function startRelay(
  network: StartedNetwork,
  image: string,
  name: string,
  folders: { readonly config: string; readonly tls: string },
): Promise<ContainedRelay> {
  let output = '';
  const container = await new GenericContainer(image)
    .withNetwork(network)
    .withNetworkAliases(name)
    .withEnvironment({ POD_UID: name })
    .withBindMounts([
      { source: folders.config, target: '/etc/isthmus/config', mode: 'ro' },
      { source: folders.tls, target: '/etc/isthmus/tls', mode: 'ro' },
    ])
    .withTmpFs({ '/var/lib/isthmus': 'rw,mode=1777', '/var/spool/isthmus': 'rw,mode=1777' })
    .withLogConsumer((stream) => stream.on('data', (part) => (output += String(part))))
    .withExposedPorts(HTTP_PORT)
    .withWaitStrategy(Wait.forHttp('/livez', HTTP_PORT))
    .start();
  const get = (path: string) => fetch(`http://127.0.0.1:${container.getMappedPort(HTTP_PORT)}${path}`);
  return {
    container,
    server: `${name}:${SMTP_PORT}`,
    isReady: async () => (await get('/readyz')).status === 200,
    output: () => output,
    tracking: () => trackingIn(output),
  };
}

function trackingIn(output: string): Record<string, unknown>[] {
  const whole = output.slice(0, output.lastIndexOf('\n') + 1).split('\n');
  const lines = whole.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
  return lines.filter(({ event }) => event !== undefined);
}

export interface ContainedHaproxy {
  /** Where its connections to the relays come from. */
  readonly address: string;
  readonly container: StartedTestContainer;
  /** Whether it sends connections to every relay; one that was not ready at its last check gets none. */
  sendsToAll(): boolean;
  stop(): Promise<void>;
}

/** `name` is what mail systems send to. */
export async function startHaproxyContainer(
  network: StartedNetwork,
  name: string,
  servers: readonly string[],
): Promise<ContainedHaproxy> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-haproxy-'));
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'haproxy.cfg'), haproxySettings({ servers }, '*:25'));
  let output = '';
  const container = await new GenericContainer(MACHINE_IMAGE)
    .withNetwork(network)
    .withNetworkAliases(name)
    .withBindMounts([...MACHINE_MOUNTS, { source: folder, target: '/etc/haproxy', mode: 'ro' }])
    .withEntrypoint(['/usr/sbin/haproxy'])
    .withCommand(['-db', '-f', '/etc/haproxy/haproxy.cfg'])
    .withLogConsumer((stream) => stream.on('data', (part) => (output += String(part))))
    .withExposedPorts(25)
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
  return {
    address: container.getIpAddress(network.getName()),
    container,
    sendsToAll: () => servers.every((_, at) => lastCheckOf(`relay${at + 1}`, output) === 'succeeded'),
    stop: async () => {
      await container.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** It writes of a check when its outcome is another than that of the one before. */
function lastCheckOf(server: string, output: string): string | undefined {
  return [...output.matchAll(/Health check for server relays\/(\S+) (\w+)/g)].findLast(
    ([, name]) => name === server,
  )?.[2];
}
