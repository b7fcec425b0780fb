/** A Docker engine of the test's own, with everything it keeps in one folder; for test/run.ts's stages with a namespace, where it dies with the test. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { controlGroups } from '../cluster/nodes/control-groups.ts';
import { until } from '../cluster/daemon.ts';
import { run, runOrThrow, start } from '../support/child-process.ts';
import { ensurePackages } from '../support/debian.ts';
import { assertOwnNetwork } from '../support/namespace.ts';

export interface Engine {
  /** Runs the engine's own command. */
  docker(...args: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** RFC 2544's block for tests: no address of the machine's networks, which the namespace does not have anyway. */
const BRIDGE = '198.18.0.1/24';
const NETWORKS = 'base=198.19.0.0/16,size=24';

/** Where dockerd writes whatever it is told: below these the machine's own files stay as they are. */
const COVERED = ['/etc/docker', '/run/docker'];

export async function startEngine(): Promise<Engine> {
  ensurePackages(['docker.io', 'containerd', 'runc', 'iptables', 'iproute2']);
  await assertOwnNetwork();
  await runOrThrow('ip', ['link', 'set', 'lo', 'up']);
  for (const place of COVERED) {
    mkdirSync(place, { recursive: true });
    await runOrThrow('mount', ['-t', 'tmpfs', 'tmpfs', place]);
  }
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-engine-'));
  const name = `isthmus-cluster-${basename(folder).slice(-6).toLowerCase()}`;
  const groups = await controlGroups(name);
  const address = `unix://${join(folder, 'docker.sock')}`;
  const daemon = start('dockerd', [
    ...['--host', address, '--pidfile', join(folder, 'pid'), '--cgroup-parent', groups.make('engine')],
    ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
    ...['--bip', BRIDGE, '--default-address-pool', NETWORKS],
  ]);
  const command = (args: readonly string[]) => ['--host', address, ...args];
  await until('the engine answers', async () => (await run('docker', command(['info']))).code === 0).catch((cause) => {
    throw new Error(`dockerd does not answer:\n${daemon.output()}`, { cause });
  });
  // What testcontainers asks: where the engine is, nothing of this user's, and no image to clean up with, which
  // would have to be downloaded.
  const settings = join(folder, 'settings');
  mkdirSync(settings);
  const ours = { DOCKER_HOST: address, DOCKER_CONFIG: settings, TESTCONTAINERS_RYUK_DISABLED: 'true' };
  Object.assign(process.env, ours);
  return {
    docker: (...args) => runOrThrow('docker', command(args)),
    stop: async () => {
      for (const each of Object.keys(ours)) delete process.env[each];
      await daemon.stop();
      await groups.remove();
      for (const place of COVERED) await runOrThrow('umount', [place]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
