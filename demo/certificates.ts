/** An authority of the demo's own and certificates for its mail systems (RFC 5280), made without openssl. */

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { bitString, integer, objectIdentifier, octetString, sequence, set, TRUE, utcTime, utf8, value } from './der.ts';

/** PEM texts. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority {
  readonly certificate: string;
  /** Good for both ends of a connection: a mail system receives and sends under one name. */
  issue(dnsName: string): Identity;
}

const COMMON_NAME = '2.5.4.3';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const KEY_USAGE = '2.5.29.15';
const SUBJECT_ALT_NAME = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
/** Bits of KeyUsage (RFC 5280 §4.2.1.3), and how many of the octet's last bits are unused. */
const DIGITAL_SIGNATURE = bitString(Buffer.from([0b1000_0000]), 7);
const CERTIFICATE_SIGN = bitString(Buffer.from([0b0000_0100]), 2);
/** [2] dNSName of GeneralName, [0] version and [3] extensions of TBSCertificate. */
const DNS_NAME = 0x82;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const VERSION_3 = 2;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export function makeAuthority(): Authority {
  const name = 'Isthmus demo authority';
  const pair = keyPair();
  const extensions = [
    extension(BASIC_CONSTRAINTS, sequence(TRUE), 'critical'),
    extension(KEY_USAGE, CERTIFICATE_SIGN, 'critical'),
  ];
  return {
    certificate: certificate(name, pair.privateKey, name, pair.publicKey, extensions),
    issue: (dnsName) => {
      const own = keyPair();
      const text = certificate(name, pair.privateKey, dnsName, own.publicKey, leafExtensions(dnsName));
      return { certificate: text, key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
    },
  };
}

function keyPair() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function leafExtensions(dnsName: string): Buffer[] {
  return [
    extension(BASIC_CONSTRAINTS, sequence(), 'critical'),
    extension(KEY_USAGE, DIGITAL_SIGNATURE, 'critical'),
    extension(EXTENDED_KEY_USAGE, sequence(objectIdentifier(SERVER_AUTH), objectIdentifier(CLIENT_AUTH))),
    extension(SUBJECT_ALT_NAME, sequence(value(DNS_NAME, Buffer.from(dnsName, 'latin1')))),
  ];
}

function extension(identifier: string, content: Buffer, critical?: 'critical'): Buffer {
  return sequence(objectIdentifier(identifier), ...(critical ? [TRUE] : []), octetString(content));
}

function certificate(
  issuer: string,
  issuerKey: KeyObject,
  subject: string,
  publicKey: KeyObject,
  extensions: readonly Buffer[],
): string {
  const now = Date.now();
  const algorithm = sequence(objectIdentifier(ECDSA_WITH_SHA256));
  const signed = sequence(
    value(VERSION, integer(Buffer.from([VERSION_3]))),
    integer(randomBytes(16)),
    algorithm,
    distinguishedName(issuer),
    // A clock that is a little behind must not make it a certificate of the future.
    sequence(utcTime(new Date(now - HOUR_MS)), utcTime(new Date(now + 30 * DAY_MS))),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    value(EXTENSIONS, sequence(...extensions)),
  );
  const whole = sequence(signed, algorithm, bitString(sign('sha256', signed, issuerKey)));
  const lines = whole.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(objectIdentifier(COMMON_NAME), utf8(commonName))));
}
