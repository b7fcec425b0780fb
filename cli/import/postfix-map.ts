/** Sources of Postfix's address maps (postmap(1), canonical(5), virtual(5), generic(5)); what no rule can say is left out. */

import { mailboxKey, parseMailbox } from '../../relay/core/address.ts';
import type { Direction } from '../../relay/core/config.ts';
import { CORRECT_THE_LINE, type Imported, type ImportedRow, type LeftOut } from './imported.ts';

/** Which side of the map is the tenant's address, and which half of a rule the map is. */
const MAPS = {
  sender_canonical: { left: 'internal', direction: 'OutboundOnly' },
  recipient_canonical: { left: 'external', direction: 'InboundOnly' },
  canonical: { left: 'internal', direction: 'OutboundOnly' },
  generic: { left: 'internal', direction: 'OutboundOnly' },
  virtual: { left: 'external', direction: 'InboundOnly' },
} as const;

export type PostfixMap = keyof typeof MAPS;
export const POSTFIX_MAPS = Object.keys(MAPS) as PostfixMap[];

export function isPostfixMap(text: string): text is PostfixMap {
  return Object.hasOwn(MAPS, text);
}

/** `/etc/postfix/sender_canonical`, `virtual-shared.txt`. */
export function postfixMapOf(fileName: string): PostfixMap | undefined {
  const name = fileName.toLowerCase().replaceAll('-', '_');
  return POSTFIX_MAPS.find((map) => name.includes(map));
}

const WRITE_OUT = 'write out the addresses that it stands for';
const ONE_TO_ONE =
  'a rule leads one address to one address: make it a group in the tenant and import the address of that';
const WITH_DOMAIN =
  'write the domain out that Postfix would add (myorigin), or delete the line if it only names a domain';
const DELETE = 'delete the line: an address that no rule names stays as it is';
const DELIVERY = 'a rule leads to an address: deliver to programs and files behind the next hop';

/** `direction`: of every row, instead of what the map is for. */
export function readPostfixMap(text: string, file: string, map: PostfixMap, direction?: Direction): Imported {
  const rows: ImportedRow[] = [];
  const leftOut: LeftOut[] = [];
  for (const { line, content } of logicalLines(text)) {
    const pair = readPair(content);
    if (!pair.ok) {
      leftOut.push({ file, line, problem: pair.problem, advice: pair.advice });
      continue;
    }
    const { left } = MAPS[map];
    const [internal, external] = left === 'internal' ? [pair.from, pair.to] : [pair.to, pair.from];
    const written = {
      internal,
      external,
      exceptions: [],
      includeSubdomains: false,
      direction: direction ?? MAPS[map].direction,
      place: { where: file, line, path: '' },
    };
    rows.push({ name: '', written });
  }
  return { rows, leftOut, notes: [] };
}

/** Comments and empty lines are no lines at all, not even between a line and its continuation. */
function logicalLines(text: string): { line: number; content: string }[] {
  const lines: { line: number; content: string }[] = [];
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split(/\r\n?|\n/)
    .entries()) {
    if (/^\s*(?:#|$)/.test(raw)) continue;
    const last = lines.at(-1);
    if (/^\s/.test(raw) && last !== undefined) last.content += ` ${raw.trim()}`;
    else lines.push({ line: index + 1, content: raw.trim() });
  }
  return lines;
}

type Pair =
  | { readonly ok: true; readonly from: string; readonly to: string }
  | { readonly ok: false; readonly problem: string; readonly advice: string };

function readPair(content: string): Pair {
  if (/^(?:!?\/|if\s|endif\b)/.test(content)) return refuse('it is a regular expression', WRITE_OUT);
  const [key = '', ...targets] = words(content);
  const [target] = targets;
  if (target === undefined) return refuse('it has no result', CORRECT_THE_LINE);
  if (/^"?(?:\||:include:|\/)/.test(target)) return refuse('it leads to a program or a file', DELIVERY);
  if (targets.length > 1) return refuse(`it leads to ${targets.length} addresses`, ONE_TO_ONE);
  if (!key.includes('@')) return refuse('its left side has no domain', WITH_DOMAIN);
  if (!target.includes('@')) return refuse('its right side has no domain', WITH_DOMAIN);
  if (key.startsWith('@')) {
    if (!target.startsWith('@')) return refuse('it leads a whole domain to one address', ONE_TO_ONE);
    return pairOf(key.slice(1), target.slice(1));
  }
  // canonical(5): a result @domain keeps the local part.
  return pairOf(key, target.startsWith('@') ? key.slice(0, key.lastIndexOf('@')) + target : target);
}

function pairOf(from: string, to: string): Pair {
  return comparable(from) === comparable(to) ? refuse('it leads an address to itself', DELETE) : { ok: true, from, to };
}

function comparable(text: string): string {
  const mailbox = parseMailbox(text);
  return mailbox.ok ? mailboxKey(mailbox.value) : text.toLowerCase();
}

/** Separated by blanks and commas outside of quotes; the first word ends at a blank only. */
function words(content: string): string[] {
  const key = /^(?:\\.|"(?:\\.|[^"\\])*"?|[^\s"\\])*/.exec(content)?.[0] ?? '';
  return [key, ...(content.slice(key.length).match(/(?:\\.|"(?:\\.|[^"\\])*"?|[^\s,"\\])+/g) ?? [])];
}

function refuse(problem: string, advice: string): Pair {
  return { ok: false, problem, advice };
}
