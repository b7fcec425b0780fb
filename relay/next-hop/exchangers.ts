/**
 * Finds the hosts that take a domain's mail, in the order they are to be tried (RFC 5321 §5.1), and refuses those no
 * stranger may name.
 */

import type { Refusal } from '../core/delivery.ts';
import { addressFamilyOf, type Cidr, cidrContains, isPublicAddress, parseAddress } from '../core/network.ts';
import { type Reply, reply } from '../core/reply.ts';
import type { AddressFamily, Exchanger, Found, Lookup, Missing } from './lookup.ts';
import { decided, silent } from './refusal.ts';

export interface Host {
  readonly host: string;
  readonly port: number;
}

export type Plan =
  | { readonly ok: true; readonly hosts: readonly Host[] }
  | { readonly ok: false; readonly refusal: Refusal };

export type Addresses =
  | { readonly ok: true; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly refusal: Refusal };

const SMTP_PORT = 25;

const NULL_MX = reply(556, '5.1.10', 'The recipient domain does not accept mail');
const NO_DOMAIN = reply(550, '5.1.2', 'The recipient domain does not exist');
const NO_HOST = reply(550, '5.4.4', 'The mail exchanger of the recipient domain does not exist');
const NO_PUBLIC_HOST = reply(550, '5.4.4', 'The mail exchanger of the recipient domain is not on the internet');
const LOOP = reply(554, '5.4.6', 'The mail exchanger of the recipient domain is this system itself');
const OTHER_FAMILY = reply(451, '4.4.4', 'The mail exchanger of the recipient domain cannot be reached from here');
const DNS_SILENT = reply(451, '4.4.3', 'The recipient domain could not be looked up, please try again later');

/** `random` (0 to below 1) mixes hosts of equal preference. */
export async function planFor(domain: string, lookup: Lookup, random: () => number): Promise<Plan> {
  const literal = /^\[(?:IPv6:)?([^\]]+)\]$/i.exec(domain)?.[1];
  if (literal !== undefined) {
    if (addressFamilyOf(literal) !== 0) return { ok: true, hosts: [{ host: literal, port: SMTP_PORT }] };
    return { ok: false, refusal: decided('lookup', NO_DOMAIN, `${domain} is no address literal`) };
  }
  const found = await lookup.exchangers(domain);
  // RFC 5321 §5.1, implicit MX: without MX records, and only then, the domain itself is the host.
  if (!found.ok && found.missing === 'NoData') return { ok: true, hosts: [{ host: domain, port: SMTP_PORT }] };
  if (!found.ok) return { ok: false, refusal: decided('lookup', verdict(found.missing, NO_DOMAIN), found.cause) };
  const [first] = found.value;
  // RFC 7505 §3.
  if (found.value.length === 1 && (first?.host === '' || first?.host === '.')) {
    return { ok: false, refusal: decided('lookup', NULL_MX, `${domain} has a null MX`) };
  }
  const named = found.value.filter(({ host }) => host !== '' && host !== '.');
  return { ok: true, hosts: inOrder(named, random).map(({ host }) => ({ host, port: SMTP_PORT })) };
}

function inOrder(exchangers: readonly Exchanger[], random: () => number): readonly Exchanger[] {
  return exchangers
    .map((exchanger) => ({ exchanger, ticket: random() }))
    .sort((a, b) => a.exchanger.preference - b.exchanger.preference || a.ticket - b.ticket)
    .map(({ exchanger }) => exchanger);
}

export interface OwnAddresses {
  readonly addresses: ReadonlySet<string>;
  readonly cidrs: readonly Cidr[];
}

/** The addresses of one mail exchanger that may be connected to. */
export async function publicAddresses(
  host: string,
  domain: string,
  family: AddressFamily,
  own: OwnAddresses,
  lookup: Lookup,
): Promise<Addresses> {
  const found: Found<readonly string[]> = await lookup.addresses(host, family);
  if (!found.ok) {
    // The implicit MX is the domain itself.
    const gone = host === domain ? NO_DOMAIN : NO_HOST;
    return { ok: false, refusal: decided('lookup', verdict(found.missing, gone), found.cause) };
  }
  const foreign = found.value.filter((address) => !isOwn(address, own));
  const addresses = foreign.filter(isPublicAddress);
  if (addresses.length > 0) return { ok: true, addresses };
  const cause = `${host} has no address that may be used: ${found.value.join(', ')}`;
  return { ok: false, refusal: decided('lookup', foreign.length === 0 ? LOOP : NO_PUBLIC_HOST, cause) };
}

function isOwn(text: string, own: OwnAddresses): boolean {
  const address = parseAddress(text);
  if (address === undefined) return false;
  return own.addresses.has(address.toString()) || own.cidrs.some((cidr) => cidrContains(cidr, address));
}

function verdict(missing: Missing, gone: Reply): Reply {
  switch (missing) {
    case 'NoName':
    case 'NoData':
      return gone;
    case 'OtherFamily':
      return OTHER_FAMILY;
    case 'Unknown':
      return DNS_SILENT;
  }
}

/** The addresses of a host an admin wrote down: any, private ones too. */
export async function configuredAddresses(host: string, family: AddressFamily, lookup: Lookup): Promise<Addresses> {
  const found = await lookup.configuredAddresses(host, family);
  if (found.ok) return { ok: true, addresses: found.value };
  return { ok: false, refusal: silent('lookup', found.cause) };
}
