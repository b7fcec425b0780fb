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

const program = (name: string, command = name, rootOnly = false): Program => ({ package: name, command, rootOnly });

/** Keyed by the file below test/ that starts them; a test that imports that file needs them. */
export const PROGRAMS: Readonly<Record<string, readonly Program[]>> = {
  'support/postfix-folder.ts': [program('postfix', 'postfix', true)],
  'support/smtp-sink.ts': [program('postfix', 'smtp-sink')],
  'support/smtp-source.ts': [program('postfix', 'smtp-source')],
  'support/swaks.ts': [program('swaks')],
  'support/dns-server.ts': [program('nsd')],
  'support/certificates.ts': [program('openssl')],
  'support/namespace.ts': [program('iproute2', 'ip', true)],
  'support/haproxy.ts': [program('haproxy')],
  'support/lua.ts': [program('lua5.1')],
  'support/promtool.ts': [program('prometheus', 'promtool')],
  'support/dkimpy.ts': [program('python3-dkim', 'dkimverify')],
  'containers/engine.ts': [
    program('docker.io', 'dockerd', true),
    program('docker.io', 'docker', true),
    program('containerd', 'containerd', true),
    program('runc', 'runc', true),
    program('iptables', 'iptables', true),
    program('iproute2', 'ip', true),
  ],
  'gitops/git-server.ts': [program('git')],
  'gitops/argocd.ts': [program('redis-server')],
  'cluster/authority.ts': [program('openssl')],
  'cluster/nodes/control-groups.ts': [program('util-linux', 'flock', true)],
  'cluster/nodes/cluster.ts': [
    program('containerd', 'containerd', true),
    program('runc', 'runc', true),
    program('containernetworking-plugins', '/usr/lib/cni/bridge', true),
    program('iptables', 'iptables', true),
    program('iproute2', 'ip', true),
    program('conntrack', 'conntrack', true),
  ],
};

/** Every package the whole test run needs. */
export const PACKAGES: readonly string[] = [
  ...new Set(Object.values(PROGRAMS).flatMap((programs) => programs.map(({ package: name }) => name))),
];

/** Servers live in sbin, which is not on every user's PATH. */
export const PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(delimiter);

export const isRoot = process.getuid?.() === 0;

/** By name on the PATH, or by its whole path. */
export function hasCommand(command: string): boolean {
  const places = command.startsWith('/') ? [''] : PATH.split(delimiter);
  return places.some((directory) => {
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
    Object.values(PROGRAMS).some((programs) =>
      programs.some((each) => each.package === name && !hasCommand(each.command)),
    ),
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
