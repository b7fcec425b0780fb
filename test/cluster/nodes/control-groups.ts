/** A control group for each node, in either version of the hierarchy; those that killed runs left behind are removed. */

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { TIED_TO_US } from '../../support/child-process.ts';
import { until } from '../daemon.ts';

const TOP = '/sys/fs/cgroup';
/** Whoever owns groups of this name holds a lock of that name, from any process namespace; the kernel lets go of it for the dead. */
const LOCKS = '/run/lock';

const isUnified = (): boolean => existsSync(join(TOP, 'cgroup.controllers'));

export function hierarchies(): string[] {
  if (isUnified()) return [TOP];
  const names = readdirSync(TOP, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return names.map((entry) => join(TOP, entry.name));
}

export interface ControlGroups {
  /** For kubelet's cgroupRoot. */
  make(node: string): string;
  /** After everything in them has ended. */
  remove(): Promise<void>;
  /** The lock alone: as it is when the owner has been killed. */
  letGo(): Promise<void>;
}

/** `cluster` is a name that no other cluster has, beginning with `isthmus-cluster-`. */
export async function controlGroups(cluster: string): Promise<ControlGroups> {
  removeLeftOver();
  const lock = join(LOCKS, cluster);
  const [command, ...args] = [...TIED_TO_US, 'flock', '--no-fork', lock, 'sleep', 'infinity'];
  const holder = spawn(command, args, { stdio: 'ignore' });
  const released = new Promise<void>((resolve) => holder.once('close', () => resolve()));
  const letGo = async () => {
    holder.kill('SIGKILL');
    await released;
  };
  await until('the lock of the control groups is held', () => existsSync(lock) && isHeld(lock));
  return {
    make(node) {
      const name = `${cluster}-${node}`;
      for (const hierarchy of hierarchies()) makeGroup(hierarchy, name);
      return `/${name}`;
    },
    async remove() {
      await until('the control groups are empty', () => removeGroups(cluster), { seconds: 20, every: 100 });
      await letGo();
      rmSync(lock, { force: true });
    },
    letGo,
  };
}

function makeGroup(hierarchy: string, name: string): void {
  const group = join(hierarchy, name);
  if (isUnified()) {
    const available = readFileSync(join(hierarchy, 'cgroup.controllers'), 'utf8').trim().split(' ');
    writeFileSync(join(hierarchy, 'cgroup.subtree_control'), available.map((each) => `+${each}`).join(' '));
  }
  try {
    mkdirSync(group, { recursive: true });
  } catch (error) {
    // "unified" beside version 1 is often read-only, and no use to anybody here.
    if (hierarchy.endsWith('/unified')) return;
    throw error;
  }
  // In version 1 a new group has no processor and no memory until it is told which.
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const source = join(hierarchy, file);
    if (!isUnified() && existsSync(source)) writeFileSync(join(group, file), readFileSync(source));
  }
}

const isHeld = (lock: string): boolean => spawnSync('flock', ['--nonblock', lock, 'true']).status !== 0;

/** Whether all groups whose name begins so are gone now. */
function removeGroups(beginning: string): boolean {
  const found = hierarchies().flatMap((hierarchy) =>
    readdirSync(hierarchy)
      .filter((name) => name.startsWith(beginning))
      .map((name) => join(hierarchy, name)),
  );
  return found.map(removeTree).every((gone) => gone);
}

function removeTree(group: string): boolean {
  try {
    const below = readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const entry of below) removeTree(join(group, entry.name));
    rmdirSync(group);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['EBUSY', 'ENOENT'].includes(String(error.code))) {
      return error.code === 'ENOENT';
    }
    throw error;
  }
}

function removeLeftOver(): void {
  const names = hierarchies().flatMap((hierarchy) => readdirSync(hierarchy));
  const clusters = names.flatMap((name) => /^(isthmus-cluster-\w+)-/.exec(name)?.[1] ?? []);
  for (const cluster of new Set(clusters)) {
    const lock = join(LOCKS, cluster);
    closeSync(openSync(lock, 'a'));
    if (isHeld(lock)) continue;
    // What is busy although nobody owns it is not ours to force.
    removeGroups(`${cluster}-`);
    rmSync(lock, { force: true });
  }
}
