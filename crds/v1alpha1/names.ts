/** Strings that name something on the wire: domains, hosts, mail addresses and networks. Each has a bound and a rule. */

import { z } from 'zod';
import { withRules } from './rules.ts';

const LABEL = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';
/** A last label of digits alone would be an IPv4 address to many programs. */
const LAST_LABEL = '[a-z]([-a-z0-9]{0,61}[a-z0-9])?';
const HOST = `(${LABEL}\\.)*${LAST_LABEL}`;
const DOMAIN = `(${LABEL}\\.)+${LAST_LABEL}`;
/** RFC 1035 §2.3.4, without the root's dot. */
const DOMAIN_LENGTH = 253;
/** RFC 5321 §4.5.3.1: 64 for the local part, one for the at sign, 255 for the domain. */
const ADDRESS_LENGTH = 320;
/** The longest IPv6 prefix in text: 39 characters, a slash and three digits. */
const CIDR_LENGTH = 43;

export function domainName(description: string) {
  return withRules(z.string().min(1).max(DOMAIN_LENGTH).describe(description), {
    rule: `self.matches(r'^${DOMAIN}$')`,
    message:
      'must be a domain name of at least two labels in lower case, without wildcard and trailing dot; ' +
      'write an international domain as A-labels (xn--…)',
  });
}

/** A name or an address; a name may be a single label, as inside a cluster. */
export function hostName(description: string) {
  return withRules(z.string().min(1).max(DOMAIN_LENGTH).describe(description), {
    rule: `self.matches(r'^${HOST}$') || isIP(self)`,
    message: 'must be a host name in lower case without trailing dot, or an IPv4 or IPv6 address without brackets',
  });
}

/** A name that a certificate can carry, perhaps of a single label, as inside a cluster. */
export function dnsName(description: string) {
  return withRules(z.string().min(1).max(DOMAIN_LENGTH).describe(description), {
    rule: `self.matches(r'^${HOST}$')`,
    message: 'must be a DNS name in lower case without trailing dot, not an address',
  });
}

/** As in a certificate's subjectAltName (RFC 6125 §6.4.3: the wildcard is the whole leftmost label). */
export function certificateName(description: string) {
  return withRules(z.string().min(1).max(DOMAIN_LENGTH).describe(description), {
    rule: `self.matches(r'^(\\*\\.)?${HOST}$')`,
    message: 'must be a DNS name in lower case, such as mail.example.com, or one with a first label *',
  });
}

/** Loose on purpose: the compiler reads addresses with the relay's own parser and reports each bad row by itself. */
export function mailAddress(description: string) {
  return withRules(z.string().min(3).max(ADDRESS_LENGTH).describe(description), {
    rule: String.raw`self.matches(r'^[^@<>\s][^<>\r\n]*@[^@<>\s"(),:;\[\]]+\.[^@<>\s"(),:;\[\]]+$')`,
    message: 'must be one mail address, such as mary@example.com, without display name and angle brackets',
  });
}

/** Canonical, so that equal networks are equal texts. */
export function network(description: string) {
  return withRules(z.string().min(1).max(CIDR_LENGTH).describe(description), {
    rule: 'isCIDR(self) && string(cidr(self).masked()) == self',
    message:
      'must be a network such as 192.0.2.0/24 or 2001:db8::/32 in its canonical form: prefix length given, ' +
      'host bits zero, IPv6 in lower case and shortened',
  });
}

export function ipAddress(description: string) {
  return withRules(z.string().min(1).max(CIDR_LENGTH).describe(description), {
    rule: 'isIP(self)',
    message: 'must be an IPv4 or IPv6 address, without port and brackets',
  });
}

/** A DKIM selector: one or more labels (RFC 6376 §3.1). */
export function dkimSelector(description: string) {
  return withRules(z.string().min(1).max(63).describe(description), {
    rule: `self.matches(r'^(${LABEL}\\.)*${LABEL}$')`,
    message: 'must be a DKIM selector: letters in lower case, digits and hyphens, such as 2026a',
  });
}
