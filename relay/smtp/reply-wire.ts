/** Writes replies as RFC 5321 §4.2 wants them on the wire: every line with its code, none that could be read as two. */

import type { Reply } from '../core/reply.ts';

/** RFC 5321 §4.5.3.1.5: 512 octets with the line end; what code and enhanced status leave of them. */
const TEXT_OCTETS = 490;
/** A control character could end the line; beyond ASCII a client needs to have asked for UTF-8 (RFC 6531 §3.7.4). */
const UNSAFE = /[^ -~]/g;
const PIECES = new RegExp(`.{1,${TEXT_OCTETS}}`, 'g');

export function formatReplyLines(value: Reply): string {
  const status = value.enhancedStatus === undefined ? '' : `${value.enhancedStatus} `;
  if (value.text.length <= TEXT_OCTETS && !value.text.includes('\n')) {
    return `${value.code} ${status}${value.text.replace(UNSAFE, '?')}\r\n`;
  }
  const lines = value.text.split(/\r?\n/).flatMap((line) => line.replace(UNSAFE, '?').match(PIECES) ?? ['']);
  // RFC 2034 §4: the enhanced status stands on every line.
  return lines.map((line, at) => `${value.code}${at < lines.length - 1 ? '-' : ' '}${status}${line}\r\n`).join('');
}
