/** Stands before every connection: believes load balancers, and nobody else, whose connection they pass on. Nobody is greeted before. */

import type { Socket } from 'node:net';
import type { ProxyProtocolConfig } from '../core/config.ts';
import { type Cidr, cidrContains, parseAddress, parseCidr } from '../core/network.ts';
import { type Reply, reply } from '../core/reply.ts';
import type { Endpoints } from './client.ts';
import type { RefusedConnection } from './front-events.ts';
import { parseProxyHeader, type ProxyHeader } from './proxy-header.ts';

/** The specification asks for at least three seconds: a lost first segment is sent again within them. */
const WHOLE_HEADER_MS = 5000;
/**
 * Under Optional: whoever waits for our greeting is no balancer that sends a line, which would be on its way with the
 * connection; haproxy's checks wait two seconds.
 */
const SILENCE_MS = 1000;

const NO_HEADER = reply(421, '4.7.0', 'A load balancer must begin with a PROXY line, version 1');
const VERSION_2 = reply(421, '4.7.0', 'Version 2 of the PROXY protocol is not taken, use version 1');
const DIRECT = reply(421, '4.7.0', 'Connections are taken from load balancers only');

export interface Passage {
  /** `named`: who the balancer says it is. `balancer`: it is a balancer's own, such as a health check. */
  admit(socket: Socket, named: Endpoints | undefined, balancer: boolean): void;
  refuse(socket: Socket, reason: RefusedConnection, answer: Reply): void;
  /** One less waits, and was not admitted. */
  left(): void;
}

type Arrival = Exclude<ProxyHeader, { kind: 'incomplete' }> | { readonly kind: 'late' } | { readonly kind: 'gone' };

export class ProxyGate {
  readonly #config: () => ProxyProtocolConfig | undefined;
  readonly #passage: Passage;
  readonly #waiting = new Set<Socket>();
  #trusted: readonly Cidr[] = [];
  /** What `#trusted` was read from. */
  #texts: readonly string[] = [];

  constructor(config: () => ProxyProtocolConfig | undefined, passage: Passage) {
    this.#config = config;
    this.#passage = passage;
  }

  /** How many have connected and not yet said for whom. */
  get waiting(): number {
    return this.#waiting.size;
  }

  destroy(): void {
    for (const socket of this.#waiting) socket.destroy();
  }

  enter(socket: Socket, address: string): void {
    const config = this.#config();
    if (config === undefined) return this.#passage.admit(socket, undefined, false);
    this.#read(config);
    if (!this.#trusts(address)) {
      if (config.mode === 'Required') return this.#passage.refuse(socket, 'proxyRequired', DIRECT);
      return this.#passage.admit(socket, undefined, false);
    }
    this.#waiting.add(socket);
    awaitHeader(socket, config.mode === 'Optional' ? SILENCE_MS : WHOLE_HEADER_MS, (arrival) => {
      this.#waiting.delete(socket);
      this.#decide(socket, config.mode, arrival);
    });
  }

  #decide(socket: Socket, mode: ProxyProtocolConfig['mode'], arrival: Arrival): void {
    switch (arrival.kind) {
      case 'complete':
        return this.#passage.admit(socket, arrival.named, this.#isBalancer(arrival.named));
      case 'absent':
        if (mode === 'Optional') return this.#passage.admit(socket, undefined, false);
        return this.#refuse(socket, 'proxyHeader', NO_HEADER);
      case 'malformed':
      case 'late':
        return this.#refuse(socket, 'proxyHeader', NO_HEADER);
      case 'version2':
        return this.#refuse(socket, 'proxyVersion2', VERSION_2);
      case 'gone':
        // A health check: nothing to count, nothing to say.
        return this.#passage.left();
    }
  }

  #refuse(socket: Socket, reason: RefusedConnection, answer: Reply): void {
    this.#passage.refuse(socket, reason, answer);
    this.#passage.left();
  }

  /** haproxy's checks name itself. */
  #isBalancer(named: Endpoints | undefined): boolean {
    return named === undefined || this.#trusts(named.address);
  }

  #read({ trustedCIDRs }: ProxyProtocolConfig): void {
    if (this.#texts === trustedCIDRs) return;
    this.#texts = trustedCIDRs;
    this.#trusted = trustedCIDRs.map(parseCidr).filter((cidr) => cidr !== undefined);
  }

  #trusts(text: string): boolean {
    const address = parseAddress(text);
    return address !== undefined && this.#trusted.some((cidr) => cidrContains(cidr, address));
  }
}

/** Takes the header off the socket and calls back once; what follows it, or is none, is left to whoever reads next. */
function awaitHeader(socket: Socket, silence: number, then: (arrival: Arrival) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const finish = (arrival: Arrival, used = 0): void => {
    clearTimeout(silent);
    clearTimeout(late);
    socket.off('data', more);
    socket.off('close', gone);
    socket.pause();
    if (bytes.length > used && arrival.kind !== 'gone') socket.unshift(bytes.subarray(used));
    then(arrival);
  };
  const more = (part: Buffer): void => {
    clearTimeout(silent);
    bytes = bytes.length === 0 ? part : Buffer.concat([bytes, part]);
    const header = parseProxyHeader(bytes);
    if (header.kind !== 'incomplete') finish(header, header.kind === 'complete' ? header.octets : 0);
  };
  const gone = (): void => finish({ kind: 'gone' });
  const silent = setTimeout(() => finish({ kind: 'absent' }), silence);
  const late = setTimeout(() => finish({ kind: 'late' }), WHOLE_HEADER_MS);
  // An error is followed by close.
  socket.on('error', () => undefined);
  socket.on('close', gone);
  socket.on('data', more);
}
