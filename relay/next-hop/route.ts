/** The way to one target: its hosts in order, how to talk to them, and the pool of connections that stand. */

import type { Refusal } from '../core/delivery.ts';
import { isIPv6 } from './address-family.ts';
import type { Durations } from './durations.ts';
import type { Addresses, Host, Plan } from './exchangers.ts';
import { type Opened, openConnection } from './handshake.ts';
import { Pool, type PoolLimits } from './pool.ts';
import { isTransient, silent } from './refusal.ts';
import type { Account } from './sign-in.ts';
import { TlsPolicy, type TlsSettings } from './tls-policy.ts';

/** What a relay counts. */
export interface NextHopEvents {
  connectionOpened?(overTls: boolean): void;
  tlsFailed?(): void;
}

export interface RouteSettings {
  /** As metrics name it. */
  readonly name: string;
  readonly limits: PoolLimits;
  readonly tls: TlsSettings;
  readonly account: Account | undefined;
  readonly hostname: string;
  readonly durations: Durations;
  readonly events: NextHopEvents;
  plan(): Promise<Plan>;
  addresses(host: string): Promise<Addresses>;
}

/** Addresses tried in one session, of all hosts together: what Postfix tries (smtp_mx_address_limit). */
const MOST_ADDRESSES = 5;

export class Route {
  readonly name: string;
  readonly pool: Pool;
  readonly #settings: RouteSettings;
  readonly #tls: TlsPolicy;
  /** Hosts that could not be used lately, and until when they are tried last. */
  readonly #down = new Map<string, number>();
  #avoidsIPv6 = false;
  /** No host answered lately: what was seen, and until when that is the answer. */
  #silence: { readonly refusal: Refusal; readonly until: number } | undefined;

  constructor(settings: RouteSettings, onEmpty: () => void) {
    this.name = settings.name;
    this.#settings = settings;
    this.#tls = new TlsPolicy(settings.tls);
    this.pool = new Pool(settings.limits, settings.durations, (until) => this.#connect(until), onEmpty);
  }

  /** For as long as this configuration runs: its DNS or ours must change first. False when it was so already. */
  avoidIPv6(): boolean {
    if (this.#avoidsIPv6) return false;
    this.#avoidsIPv6 = true;
    this.pool.avoid(({ address }) => isIPv6(address));
    return true;
  }

  retire(): void {
    this.#tls.forget();
    this.pool.retire();
  }

  end(): void {
    this.#tls.forget();
    this.pool.end();
  }

  async #connect(until: number): Promise<Opened> {
    const began = performance.now();
    if (this.#silence !== undefined && began < this.#silence.until)
      return { ok: false, refusal: this.#silence.refusal };
    const opened = await this.#connectAny(until);
    const now = performance.now();
    // A next hop that kept one client waiting in vain does not keep the others waiting for as long again.
    const silent = !opened.ok && opened.refusal.reply === undefined && isTransient(opened.refusal);
    const wait = Math.min(now - began, this.#settings.durations.down);
    this.#silence = silent ? { refusal: opened.refusal, until: now + wait } : undefined;
    return opened;
  }

  async #connectAny(until: number): Promise<Opened> {
    const plan = await this.#settings.plan();
    if (!plan.ok) return plan;
    const hosts = this.#healthyFirst(plan.hosts);
    let worst: Refusal | undefined;
    let tries = 0;
    for (const [index, host] of hosts.entries()) {
      // A host that hangs must leave time for those behind it.
      const share = (until - performance.now()) / (hosts.length - index);
      const opened = await this.#connectHost(host, MOST_ADDRESSES - tries, performance.now() + share);
      tries += opened.tries;
      if (opened.ok) {
        this.#down.delete(nameOf(host));
        return opened;
      }
      this.#down.set(nameOf(host), performance.now() + this.#settings.durations.down);
      worst = milder(worst, opened.refusal);
      if (tries >= MOST_ADDRESSES || performance.now() >= until) break;
    }
    return { ok: false, refusal: worst ?? silent('lookup', 'there is no host to connect to') };
  }

  async #connectHost(host: Host, most: number, until: number): Promise<Opened & { readonly tries: number }> {
    const found = await this.#settings.addresses(host.host);
    if (!found.ok) return { ok: false, refusal: found.refusal, tries: 0 };
    const { durations, account, hostname, events } = this.#settings;
    const connectUntil = Math.min(until, performance.now() + durations.connect);
    let refusal: Refusal | undefined;
    let tries = 0;
    const preferred = this.#avoidsIPv6 ? found.addresses.filter((address) => !isIPv6(address)) : found.addresses;
    const addresses = preferred.length > 0 ? preferred : found.addresses;
    for (const address of addresses.slice(0, most)) {
      tries += 1;
      const options = { tls: this.#tls, account, hostname, durations, connectUntil, until };
      const opened = await openConnection({ host: host.host, address, port: host.port }, options);
      if (opened.ok) {
        events.connectionOpened?.(opened.connection.tls !== undefined);
        return { ...opened, tries };
      }
      if (opened.refusal.stage === 'starttls') events.tlsFailed?.();
      refusal = milder(refusal, opened.refusal);
      if (performance.now() >= connectUntil) break;
    }
    return { ok: false, refusal: refusal ?? silent('connect', `${host.host}: no time left to try it`), tries };
  }

  #healthyFirst(hosts: readonly Host[]): readonly Host[] {
    if (this.#down.size === 0) return hosts;
    const now = performance.now();
    const isDown = (host: Host) => (this.#down.get(nameOf(host)) ?? 0) > now;
    return [...hosts.filter((host) => !isDown(host)), ...hosts.filter(isDown)];
  }
}

/** Only if every host says no for good is the answer no for good. */
function milder(first: Refusal | undefined, second: Refusal): Refusal {
  return first === undefined || (!isTransient(first) && isTransient(second)) ? second : first;
}

function nameOf(host: Host): string {
  return `${host.host}:${host.port}`;
}
