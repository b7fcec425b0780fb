/** Makes the foreign programs the tests play against available: installs their Debian packages as root, says in plain words what is missing otherwise. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What a foreign program is for: its Debian package, the command that proves it is there, and whether it runs as root only. */
interface Program {
  readonly package: string;
  readonly command: string;
  readonly rootOnly: boolean;
}

/** Keyed by the file in test/support that starts it; a test that imports that file needs the program. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  'postfix.ts': { package: 'postfix', command: 'postfix', rootOnly: true },
  'smtp-sink.ts': { package: 'postfix', command: 'smtp-sink', rootOnly: false },
  'smtp-source.ts': { package: 'postfix', command: 'smtp-source', rootOnly: false },
  'swaks.ts': { package: 'swaks', command: 'swaks', rootOnly: false },
  'dns-server.ts': { package: 'nsd', command: 'nsd', rootOnly: false },
  'certificates.ts': { package: 'openssl', command: 'openssl', rootOnly: false },
  'namespace.ts': { package: 'iproute2', command: 'ip', rootOnly: true },
  'lua.ts': { package: 'lua5.1', command: 'lua5.1', rootOnly: false },
  'promtool.ts': { package: 'prometheus', command: 'promtool', rootOnly: false },
  'dkimpy.ts': { package: 'python3-dkim', command: 'dkimverify', rootOnly: false },
};

/** Every package the whole test run needs. */
export const PACKAGES: readonly string[] = [...new Set(Object.values(PROGRAMS).map((program) => program.package))];

/** Servers live in sbin, which is not on every user's PATH. */
export const PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(delimiter);

export const isRoot = process.getuid?.() === 0;

export function hasCommand(command: string): boolean {
  return PATH.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function missingPackages(packages: readonly string[]): string[] {
  return packages.filter((name) =>
    Object.values(PROGRAMS).some((program) => program.package === name && !hasCommand(program.command)),
  );
}

// policy-rc.d keeps the packages' own services down: nothing may listen on this machine's port 25 or 53 because tests ran.
// flock: test files run side by side and each may ask.
const INSTALL = `
set -e
policy=/usr/sbin/policy-rc.d
restore() { rm -f "$policy"; if [ -e "$policy.before-isthmus" ]; then mv "$policy.before-isthmus" "$policy"; fi; }
trap restore EXIT
if [ -e "$policy" ] && [ ! -e "$policy.before-isthmus" ]; then mv "$policy" "$policy.before-isthmus"; fi
printf '#!/bin/sh\\nexit 101\\n' > "$policy"
chmod 755 "$policy"
echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
install() { apt-get -o DPkg::Lock::Timeout=120 install -y -q --no-install-recommends "$@"; }
install "$@" || { apt-get -o DPkg::Lock::Timeout=120 update -q; install "$@"; }
`;

/**
 * Installs what is missing of `packages`. The value is undefined when everything is there, else one plain sentence that says
 * what is missing and what to do.
 */
export function installPackages(packages: readonly string[]): string | undefined {
  const missing = missingPackages(packages);
  if (missing.length === 0) return undefined;
  const names = missing.join(' ');
  if (!hasCommand('apt-get'))
    return `missing: ${names}. This is not Debian: install what gives these commands by hand.`;
  if (!isRoot) return `missing: ${names}. Install them with "sudo apt-get install ${names}", or run the tests as root.`;
  const env = { ...process.env, PATH, DEBIAN_FRONTEND: 'noninteractive' };
  const seen = spawnSync('flock', ['/run/lock/isthmus-packages', 'sh', '-c', INSTALL, 'install', ...missing], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const left = missingPackages(missing);
  if (left.length === 0) return undefined;
  const output = `${seen.stdout}${seen.stderr}`.trim().split('\n').slice(-8).join('\n');
  return `"apt-get install ${left.join(' ')}" did not succeed. Its last words:\n${output}`;
}

/** For a test's set-up: throws what installPackages() has to say. */
export function ensurePackages(packages: readonly string[]): void {
  const complaint = installPackages(packages);
  if (complaint !== undefined) throw new Error(complaint);
}
