/** What a program and all it started cost: CPU seconds and memory, read from Linux's /proc. */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

function readStat(pid: string): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything; fields are counted from behind it (proc(5)).
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [utime = 0, stime = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15);
    return { pid: Number(pid), parent: fields[1] ?? 0, ticks: utime + stime + childrenUser + childrenSystem };
  } catch {
    // It ended while the folder was read.
    return undefined;
  }
}

function tree(root: number): Stat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(readStat)
    .filter((stat) => stat !== undefined);
  const found = all.filter((stat) => stat.pid === root);
  for (const parent of found) found.push(...all.filter((stat) => stat.parent === parent.pid));
  return found;
}

/** User and system time of the process and its descendants, the ended ones included. */
export function cpuSeconds(root: number): number {
  return tree(root).reduce((sum, stat) => sum + stat.ticks, 0) / ticksPerSecond;
}

/** Memory of the process and its descendants; what several share is counted once (PSS). */
export function memoryMiB(root: number): number {
  return tree(root).reduce((sum, stat) => sum + proportionalKiB(stat.pid), 0) / 1024;
}

function proportionalKiB(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
