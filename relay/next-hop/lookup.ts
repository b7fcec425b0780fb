/** Asks DNS where mail for a name goes: mail exchangers and addresses, and whether an empty answer is final. */

import { lookup as systemLookup, Resolver } from 'node:dns/promises';
import type { NextHopConfig } from '../core/config.ts';
import { addressFamilyOf } from '../core/network.ts';

export type AddressFamily = NextHopConfig['addressFamily'];

/**
 * `NoName`: the name does not exist. `NoData`: it does, without such a record. `OtherFamily`: it has addresses, of
 * the family that is
 * not to be used. `Unknown`: DNS did not answer.
 */
export type Missing = 'NoName' | 'NoData' | 'OtherFamily' | 'Unknown';

export type Found<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly missing: Missing; readonly cause: string };

export interface Exchanger {
  readonly host: string;
  readonly preference: number;
}

export class Lookup {
  readonly #resolver: Resolver;
  readonly #ownServers: boolean;

  /** `servers` as `192.0.2.1`, `192.0.2.1:5353` or `[2001:db8::1]:53`; none: the system's. */
  constructor(servers: readonly string[], queryMilliseconds: number) {
    this.#resolver = new Resolver({ timeout: queryMilliseconds, tries: 2 });
    this.#ownServers = servers.length > 0;
    if (this.#ownServers) this.#resolver.setServers([...servers]);
  }

  /** MX records as they are, unordered. */
  async exchangers(domain: string): Promise<Found<readonly Exchanger[]>> {
    const answer = await found(() => this.#resolver.resolveMx(domain), `MX of ${domain}`);
    if (!answer.ok) return answer;
    return {
      ok: true,
      value: answer.value.map(({ exchange, priority }) => ({ host: exchange.toLowerCase(), preference: priority })),
    };
  }

  /** By DNS alone: a stranger's name must not be found in this machine's hosts file or search domains. */
  async addresses(host: string, family: AddressFamily): Promise<Found<readonly string[]>> {
    const literal = addressFamilyOf(host);
    if (literal !== 0) return suits(literal, family) ? { ok: true, value: [host] } : wrongFamily(host, family);
    if (family !== 'Any') {
      const answer = await this.#records(host, family);
      if (answer.ok || answer.missing !== 'NoData') return answer;
      const other = await this.#records(host, family === 'IPv4' ? 'IPv6' : 'IPv4');
      return other.ok ? wrongFamily(host, family) : answer;
    }
    const [v4, v6] = await Promise.all([this.#records(host, 'IPv4'), this.#records(host, 'IPv6')]);
    // IPv4 before IPv6: reverse DNS and reputation, which receivers judge by, are better kept there.
    if (v4.ok) return v6.ok ? { ok: true, value: [...v4.value, ...v6.value] } : v4;
    if (v6.ok) return v6;
    // A name without A may still have AAAA on a server that did not answer: the weaker statement counts.
    const order: readonly Missing[] = ['Unknown', 'OtherFamily', 'NoData', 'NoName'];
    return order.indexOf(v4.missing) <= order.indexOf(v6.missing) ? v4 : v6;
  }

  #records(host: string, family: 'IPv4' | 'IPv6'): Promise<Found<readonly string[]>> {
    return family === 'IPv4'
      ? found(() => this.#resolver.resolve4(host), `A of ${host}`)
      : found(() => this.#resolver.resolve6(host), `AAAA of ${host}`);
  }

  /**
   * For hosts an admin wrote down: the DNS servers that were configured, and the system with its hosts file and search
   * domains.
   */
  async configuredAddresses(host: string, family: AddressFamily): Promise<Found<readonly string[]>> {
    if (this.#ownServers || addressFamilyOf(host) !== 0) {
      const answer = await this.addresses(host, family);
      if (answer.ok || addressFamilyOf(host) !== 0) return answer;
    }
    const wanted = family === 'Any' ? 0 : family === 'IPv4' ? 4 : 6;
    const answer = await found(
      () => systemLookup(host, { all: true, family: wanted, order: 'ipv4first' }),
      `address of ${host}`,
    );
    return answer.ok ? { ok: true, value: answer.value.map(({ address }) => address) } : answer;
  }

  close(): void {
    this.#resolver.cancel();
  }
}

function suits(literal: 4 | 6, family: AddressFamily): boolean {
  return family === 'Any' || family === `IPv${literal}`;
}

function wrongFamily(host: string, family: AddressFamily): Found<never> {
  return { ok: false, missing: 'OtherFamily', cause: `${host} has no address of addressFamily ${family}` };
}

async function found<T>(ask: () => Promise<readonly T[]>, what: string): Promise<Found<readonly T[]>> {
  try {
    const value = await ask();
    return value.length > 0 ? { ok: true, value } : { ok: false, missing: 'NoData', cause: `no ${what}` };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { ok: false, missing: missingOf(code), cause: `${what}: ${code}` };
  }
}

function missingOf(code: string): Missing {
  switch (code) {
    case 'ENOTFOUND':
      return 'NoName';
    case 'ENODATA':
      return 'NoData';
    default:
      return 'Unknown';
  }
}
