/** The text of a table, from the bytes that Windows and Unix programs write; what is no text is refused in words. */

import type { Read } from './imported.ts';

/** Excel's plain "CSV" is written in the code page of the machine, which no file names. */
const NOT_UTF8 = 'is neither UTF-8 nor UTF-16: export it with -Encoding utf8, or save it as "CSV UTF-8"';

export function decodeTable(bytes: Uint8Array): Read<string> {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return { ok: false, reason: 'is packed with gzip: unpack it first' };
  const encoding = encodingOf(bytes);
  if (encoding === 'utf-8' && bytes.includes(0)) {
    return {
      ok: false,
      reason:
        'is a database, not text: give the file it was made from, or write it out with ' +
        'postmap -s hash:/etc/postfix/virtual > virtual',
    };
  }
  try {
    return { ok: true, value: new TextDecoder(encoding, { fatal: true }).decode(bytes) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { ok: false, reason: NOT_UTF8 };
  }
}

/** By the byte order mark; Windows PowerShell's -Encoding Unicode and its `>` write UTF-16 with one. */
function encodingOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}
