/**
 * Decides whether a client's certificate proves one of the expected names, by its own walk to a trusted authority.
 * Node's authorizationError must not be used: INVALID_PURPOSE, which every certificate for servers only gets, hides that
 * its chain is not trusted.
 */

import type { X509Certificate } from 'node:crypto';
import { type CertificateFacts, certificateFacts } from './certificate-facts.ts';
import { type TrustAnchors, trustAnchors } from './trust-anchors.ts';

export interface ShownCertificate {
  readonly certificate: X509Certificate;
  /** What else the client sent, in any order. */
  readonly chain: readonly X509Certificate[];
}

export interface ExpectedClient {
  /** Lower-case DNS names; `*.x` matches one label. */
  readonly names: readonly string[];
  /** PEM of the authorities that may vouch; default: Node's bundled roots. */
  readonly ca?: string | undefined;
  readonly now: Date;
}

/** `reason` is for the log. */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** A certificate of the path with what it says about itself. */
interface Link {
  readonly certificate: X509Certificate;
  readonly facts: CertificateFacts;
}

/** Public authorities issue for servers only since 2026, and mail servers show the same certificate as clients. */
const PURPOSES = ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1'];
const ANY_PURPOSE = '2.5.29.37.0';
/** No public chain is longer than four. */
const PATH_LENGTH = 8;
/** NIST SP 800-131A: forged or within reach. */
const RSA_BITS = 2048;
const DESCRIPTION_CHARACTERS = 200;
const WEAK_SIGNATURE = /md[245]|sha1(?!\d)/i;

export function verifyClientCertificate(shown: ShownCertificate, expected: ExpectedClient): Verdict {
  const anchors = trustAnchors(expected.ca);
  if (!anchors.ok) return refuse(`the trusted authorities cannot be read: ${anchors.reason}`);
  const leaf = toLink(shown.certificate);
  if (leaf === undefined) return refuse('the certificate is malformed');
  const named = checkNames(leaf, expected.names);
  if (!named.ok) return named;
  const walk = new Walk(anchors.value, shown.chain, expected.now);
  return walk.from([leaf]);
}

/** Whether the certificate claims one of the names, which proves nothing. */
export function hasName(certificate: X509Certificate, names: readonly string[]): boolean {
  const leaf = toLink(certificate);
  return leaf !== undefined && checkNames(leaf, names).ok;
}

class Walk {
  readonly #anchors: TrustAnchors;
  readonly #chain: readonly X509Certificate[];
  readonly #now: Date;
  /** A certificate that the client sent is tried once: many with one name and one key must not multiply. */
  readonly #tried = new Set<string>();

  constructor(anchors: TrustAnchors, chain: readonly X509Certificate[], now: Date) {
    this.#anchors = anchors;
    this.#chain = chain;
    this.#now = now;
  }

  /** `path` leads from the client's certificate upwards; its last one needs an issuer. The reason names the nearest obstacle. */
  from(path: readonly [Link, ...Link[]]): Verdict {
    const last = path.at(-1) as Link;
    if (this.#anchors.includes(last.certificate)) return checkPath(path, this.#now);
    if (path.length >= PATH_LENGTH) return refuse('the chain is too long');
    let reason = `no trusted authority issued ${describe(last)}`;
    for (const issuer of this.#issuersOf(last.certificate)) {
      const link = toLink(issuer);
      if (link === undefined) continue;
      const verdict = this.#anchors.includes(issuer)
        ? checkPath([...path, link], this.#now)
        : this.from([...path, link]);
      if (verdict.ok) return verdict;
      reason = verdict.reason;
    }
    return refuse(reason);
  }

  *#issuersOf(certificate: X509Certificate): Generator<X509Certificate> {
    const sent = this.#chain.filter(
      ({ subject, fingerprint256 }) => subject === certificate.issuer && !this.#tried.has(fingerprint256),
    );
    for (const candidate of [...this.#anchors.bySubject(certificate.issuer), ...sent]) {
      this.#tried.add(candidate.fingerprint256);
      if (certificate.checkIssued(candidate) && certificate.verify(candidate.publicKey)) yield candidate;
    }
  }
}

/** Everything about a path that reaches a trusted certificate: dates, the right to issue, how deep, and for what. */
function checkPath(path: readonly [Link, ...Link[]], now: Date): Verdict {
  for (const [depth, link] of path.entries()) {
    const verdict = depth === path.length - 1 ? checkDates(link, now) : checkLink(link, now);
    if (!verdict.ok) return verdict;
    if (depth === 0) continue;
    const authority = checkAuthority(link, path.slice(1, depth));
    if (!authority.ok) return authority;
  }
  const purpose = PURPOSES.find((wanted) => path.every(({ facts }) => serves(facts, wanted)));
  return purpose === undefined ? refuse(`${describe(path[0])} is not for TLS`) : { ok: true };
}

function checkLink(link: Link, now: Date): Verdict {
  const { certificate, facts } = link;
  const [strange] = facts.notUnderstood;
  if (strange !== undefined) return refuse(`${describe(link)} has the extension ${strange}, which is not understood`);
  const bits = certificate.publicKey.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < RSA_BITS) return refuse(`${describe(link)} has a key of ${bits} bits`);
  if (WEAK_SIGNATURE.test(certificate.signatureAlgorithm ?? '')) {
    return refuse(`${describe(link)} is signed with ${certificate.signatureAlgorithm}`);
  }
  return checkDates(link, now);
}

function checkDates(link: Link, now: Date): Verdict {
  const { validFromDate, validToDate } = link.certificate;
  if (validToDate < now) return refuse(`${describe(link)} expired at ${validToDate.toISOString()}`);
  if (validFromDate > now) return refuse(`${describe(link)} is not valid before ${validFromDate.toISOString()}`);
  return { ok: true };
}

/** RFC 5280 §6.1.4 (k) to (n). `below` are the authorities between it and the client's certificate. */
function checkAuthority(link: Link, below: readonly Link[]): Verdict {
  const { facts } = link;
  if (facts.authority !== true) return refuse(`${describe(link)} is no authority and may not issue certificates`);
  if (facts.signsCertificates === false) return refuse(`the key of ${describe(link)} may not sign certificates`);
  // Self-issued ones, which replace an authority's key, do not count (RFC 5280 §6.1.4 (l)).
  const depth = below.filter(({ certificate }) => certificate.subject !== certificate.issuer).length;
  if (facts.pathLength !== undefined && depth > facts.pathLength) {
    return refuse(`${describe(link)} allows ${facts.pathLength} authorities below it, not ${depth}`);
  }
  return { ok: true };
}

function serves(facts: CertificateFacts, purpose: string): boolean {
  const { purposes } = facts;
  return purposes === undefined || purposes.includes(purpose) || purposes.includes(ANY_PURPOSE);
}

/** RFC 9525 §6; the common name counts only without the extension that replaces it. */
function checkNames(leaf: Link, names: readonly string[]): Verdict {
  const shown = leaf.facts.dnsNames ?? commonNames(leaf.certificate);
  if (names.some((name) => shown.some((own) => nameMatches(own, name)))) return { ok: true };
  return refuse(`the certificate is for ${shown.slice(0, 10).join(', ') || 'no name'}, not for ${names.join(', ')}`);
}

function nameMatches(shown: string, expected: string): boolean {
  return shown === expected || coversOneLabel(shown, expected) || coversOneLabel(expected, shown);
}

/** `*.x` covers `a.x`, but neither `x` nor `b.a.x`. */
function coversOneLabel(pattern: string, name: string): boolean {
  if (!pattern.startsWith('*.')) return false;
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot) === pattern.slice(1);
}

function commonNames(certificate: X509Certificate): string[] {
  const names: unknown = certificate.toLegacyObject().subject.CN;
  return [names]
    .flat()
    .filter((name) => typeof name === 'string')
    .map((name) => name.toLowerCase());
}

function toLink(certificate: X509Certificate): Link | undefined {
  try {
    return { certificate, facts: certificateFacts(certificate) };
  } catch {
    return undefined;
  }
}

function describe(link: Link): string {
  return `"${link.certificate.subject.replaceAll('\n', ', ').slice(0, DESCRIPTION_CHARACTERS)}"`;
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
