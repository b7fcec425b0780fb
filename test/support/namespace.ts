/** Addresses and a resolver of one's own for tests that run in a network namespace, where no packet can leave. Refuses to touch the machine's real network. */

import { writeFileSync } from 'node:fs';
import { runOrThrow } from './child-process.ts';
import { NAMESPACE_VARIABLE } from './unshare.ts';

interface Link {
  readonly ifname: string;
}

/** Throws unless nothing but loopback is here, and test/run.ts has said so: whoever sets up a network calls this first. */
export async function assertOwnNetwork(): Promise<void> {
  const links = JSON.parse(await runOrThrow('ip', ['-j', 'link', 'show'])) as Link[];
  const others = links.map((link) => link.ifname).filter((name) => name !== 'lo');
  if (process.env[NAMESPACE_VARIABLE] === undefined || others.length > 0) {
    throw new Error(
      'Not in a network namespace of its own. Run "npm test", as root, which starts test/namespace in one.',
    );
  }
}

/** Brings loopback up with these addresses beside 127.0.0.1 and ::1; repeating is harmless. 198.51.100.0/24 is for documentation (RFC 5737). */
export async function useAddresses(addresses: readonly string[]): Promise<void> {
  await assertOwnNetwork();
  await runOrThrow('ip', ['link', 'set', 'lo', 'up']);
  for (const address of addresses) {
    await runOrThrow('ip', ['address', 'replace', `${address}/${address.includes(':') ? 128 : 32}`, 'dev', 'lo']);
  }
}

/** Makes programs that know no other way ask this DNS server (port 53), for this mount namespace only. */
export async function useResolver(address: string): Promise<void> {
  await assertOwnNetwork();
  const file = '/run/isthmus-resolv.conf';
  await runOrThrow('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  writeFileSync(file, `nameserver ${address}\n`);
  await runOrThrow('mount', ['--bind', file, '/etc/resolv.conf']);
}
