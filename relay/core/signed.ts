/** Recognises signed and encrypted mail by its header section, for `outbound.signedMessages`. */

import { fieldsNamed, fieldValue, type Header } from './header.ts';

/**
 * RFC 1847 and RFC 8551 (S/MIME, PGP/MIME), and Microsoft's rights management. PGP inside a text part is no MIME
 * structure and is not seen.
 */
const TYPES = new Set([
  'multipart/signed',
  'multipart/encrypted',
  'application/pkcs7-mime',
  'application/x-pkcs7-mime',
  'application/x-microsoft-rpmsg-message',
]);

/** RFC 8551 §3.9: S/MIME whose type a gateway has lost is still known by its file name. */
const SMIME_NAME = /;\s*name\s*=\s*"?[^";]*\.p7m"?\s*(?:;|$)/i;

export function isSignedOrEncrypted(header: Header): boolean {
  const types = fieldsNamed(header, 'content-type').map((field) => fieldValue(header, field));
  // Exchange sends protected mail as multipart/mixed with one attachment, and says so here.
  const classes = fieldsNamed(header, 'content-class').map((field) => fieldValue(header, field).toLowerCase());
  return types.some(isSignedType) || classes.includes('rpmsg.message');
}

function isSignedType(value: string): boolean {
  const type = /^[^\s;()]+/.exec(value.replace(/^(?:\s|\([^()]*\))+/, ''))?.[0].toLowerCase() ?? '';
  return TYPES.has(type) || (type === 'application/octet-stream' && SMIME_NAME.test(value));
}
