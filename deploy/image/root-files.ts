/** What every image has below the program: the node binary of this checkout, the system libraries it needs, accounts. */

import { execFileSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Entry } from './entry.ts';

/** Of no user on a node; the name is what `whoami` says. */
export const USER = 65532;

/**
 * glibc opens these when a name is looked up, so that ldd does not know of them. Since glibc 2.34 all but the last are
 * in libc itself.
 */
const NAME_LOOKUP = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];

/** Where a program may write when nothing is mounted there. */
const WRITABLE = ['tmp', 'var/lib/isthmus', 'var/spool/isthmus'];

const ACCOUNTS: readonly Entry[] = [
  {
    kind: 'text',
    path: 'etc/passwd',
    text: `root:x:0:0:root:/root:/sbin/nologin\nisthmus:x:${USER}:${USER}:isthmus:/tmp:/sbin/nologin\n`,
  },
  { kind: 'text', path: 'etc/group', text: `root:x:0:\nisthmus:x:${USER}:\n` },
  // Without it glibc asks DNS before /etc/hosts.
  { kind: 'text', path: 'etc/nsswitch.conf', text: 'passwd: files\ngroup: files\nhosts: files dns\n' },
  ...WRITABLE.map((path): Entry => ({ kind: 'folder', path, mode: 0o1777 })),
];

/** `node`: the binary to take. */
export function baseEntries(node: string): Entry[] {
  return [
    ...ACCOUNTS,
    { kind: 'file', path: 'usr/local/bin/node', from: realpathSync(node), executable: true },
    ...librariesOf(node).map(
      (path): Entry => ({
        kind: 'file',
        path: path.slice(1),
        from: realpathSync(path),
        executable: true,
      }),
    ),
  ];
}

function librariesOf(program: string): string[] {
  const listing = execFileSync('ldd', [program], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
  const missing = /^\s*(\S+) => not found$/m.exec(listing);
  if (missing !== null) throw new Error(`${program} needs ${missing[1]}, which this machine does not have`);
  // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`, and the loader alone: `/lib64/ld-linux-x86-64.so.2 (0x…)`.
  const linked = [...listing.matchAll(/(?:=>|^)\s*(\/\S+) \(0x/gm)].map(([, path]) => path ?? '');
  const libc = linked.find((path) => path.endsWith('/libc.so.6'));
  if (libc === undefined) throw new Error(`ldd names no glibc for ${program}: images are built on Linux with glibc`);
  const lookup = NAME_LOOKUP.map((name) => join(dirname(libc), name)).filter((path) => existsSync(path));
  return [...new Set([...linked, ...lookup])];
}
