/** Reads SMTP command lines: arguments as values, or the reply that says what is wrong with them (RFC 5321 §4.1). */

import { parseMailbox, toAsciiDomain } from '../core/address.ts';
import { type MailParameters, NULL_PATH, type Path } from '../core/envelope.ts';
import { type Reply, reply } from '../core/reply.ts';

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reply: Reply };

export interface MailCommand {
  readonly reversePath: Path;
  readonly parameters: MailParameters;
  /** XOORG=, by which Exchange Online names its customer. */
  readonly organization: string | undefined;
}

interface MailWords {
  readonly parameters: MailParameters;
  readonly organization: string | undefined;
}

interface Argument {
  readonly path: string;
  readonly parameters: readonly string[];
}

/** RFC 5321 §4.5.3.1.3 says 256 octets with the brackets; gateways' local parts alone reach 315 (core/address.ts), a domain 253. */
const PATH_OCTETS = 570;
/** RFC 5321 §4.5.3.1.2 for a domain, and an address literal is shorter. */
const HELO_NAME = /^[!-~]{1,255}$/;
const SOURCE_ROUTE = /^@[^\s,:@]+(?:,@[^\s,:@]+)*:/;
/** RFC 5321 §4.1.2 esmtp-param. */
const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u0080-\u{10ffff}]+))?$/u;
/** RFC 1870 §3: size-value ::= 1*20DIGIT. */
const SIZE_VALUE = /^[0-9]{1,20}$/;
const NON_ASCII = /[^\u0000-\u007f]/;
const REPLACEMENT = '\ufffd';

export function parseHelo(argument: string): Parsed<string> {
  if (argument === '') return refuse(501, '5.5.4', 'Syntax: EHLO hostname');
  if (!HELO_NAME.test(argument)) return refuse(501, '5.5.4', 'The name must be a host name or an address in brackets');
  return { ok: true, value: argument };
}

/** `argument` is what follows MAIL; `takesOrganization`: XOORG was offered to this client. */
export function parseMail(argument: string, takesOrganization = false): Parsed<MailCommand> {
  const parsed = parseArgument(argument, /^FROM: */i, 'Syntax: MAIL FROM:<address>', '5.1.7');
  if (!parsed.ok) return parsed;
  const words = parseMailParameters(parsed.value.parameters, takesOrganization);
  if (!words.ok) return words;
  if (parsed.value.path === '') return { ok: true, value: { reversePath: NULL_PATH, ...words.value } };
  const path = parsePath(parsed.value.path, words.value.parameters.smtputf8 === true, '5.1.7');
  if (!path.ok) return path;
  return { ok: true, value: { reversePath: path.value, ...words.value } };
}

/** `argument` is what follows RCPT; `smtputf8` what the transaction's MAIL said. */
export function parseRecipient(argument: string, smtputf8: boolean): Parsed<Path> {
  const parsed = parseArgument(argument, /^TO: */i, 'Syntax: RCPT TO:<address>', '5.1.3');
  if (!parsed.ok) return parsed;
  const { path, parameters } = parsed.value;
  if (path === '') return refuse(501, '5.1.3', 'The recipient address must not be empty');
  const [parameter] = parameters;
  if (parameter !== undefined) return unknownParameter(parameter);
  // RFC 5321 §4.1.1.3: without a domain, in any case.
  if (path.toLowerCase() === 'postmaster') return { ok: true, value: { text: path, mailbox: undefined } };
  return parsePath(path, smtputf8, '5.1.3');
}

function parseArgument(argument: string, keyword: RegExp, syntax: string, status: string): Parsed<Argument> {
  const found = keyword.exec(argument);
  if (found === null) return refuse(501, '5.5.4', syntax);
  const text = argument.slice(found[0].length);
  const end = endOfPath(text);
  if (end < 0) return refuse(501, status, 'The address must stand in angle brackets');
  const rest = text.slice(end + 1);
  if (rest !== '' && !rest.startsWith(' ')) return refuse(501, status, 'A space must follow the address');
  // RFC 5321 §4.1.1.3, appendix F.2: source routes are accepted and ignored.
  const path = text.slice(1, end).replace(SOURCE_ROUTE, '');
  return { ok: true, value: { path, parameters: rest.split(' ').filter((parameter) => parameter !== '') } };
}

/** Position of the `>` that ends the path, outside quoted strings; -1 when there is none. */
function endOfPath(text: string): number {
  if (!text.startsWith('<')) return -1;
  let quoted = false;
  for (let at = 1; at < text.length; at++) {
    const character = text[at];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === '\\') at++;
    else if (!quoted && character === '>') return at;
    else if (!quoted && character === '<') return -1;
  }
  return -1;
}

function parsePath(text: string, smtputf8: boolean, status: string): Parsed<Path> {
  if (text.includes(REPLACEMENT)) return refuse(501, status, 'The address is not valid UTF-8');
  // RFC 6531 §3.5.
  if (NON_ASCII.test(text) && !smtputf8) return refuse(553, '5.6.7', 'This address needs SMTPUTF8 on the MAIL command');
  if (Buffer.byteLength(text) > PATH_OCTETS) return refuse(501, status, 'The address is too long');
  const mailbox = parseMailbox(text);
  if (!mailbox.ok) return refuse(501, status, `The address ${mailbox.reason}`);
  return { ok: true, value: { text, mailbox: mailbox.value } };
}

function parseMailParameters(parameters: readonly string[], takesOrganization: boolean): Parsed<MailWords> {
  if (parameters.length === 0) return { ok: true, value: { parameters: {}, organization: undefined } };
  let organization: string | undefined;
  const read: { size?: number; body?: '7BIT' | '8BITMIME'; smtputf8?: boolean } = {};
  const seen = new Set<string>();
  for (const parameter of parameters) {
    const match = PARAMETER.exec(parameter);
    if (match === null) return refuse(501, '5.5.4', 'Malformed parameter');
    const keyword = (match[1] as string).toUpperCase();
    const value = match[2];
    if (seen.has(keyword)) return refuse(501, '5.5.4', `${keyword} was given twice`);
    seen.add(keyword);
    switch (keyword) {
      case 'SIZE':
        if (value === undefined || !SIZE_VALUE.test(value))
          return refuse(501, '5.5.4', 'SIZE needs a number of octets');
        read.size = Number(value);
        break;
      case 'BODY': {
        const body = value?.toUpperCase();
        if (body !== '7BIT' && body !== '8BITMIME') return refuse(501, '5.5.4', 'BODY must be 7BIT or 8BITMIME');
        read.body = body;
        break;
      }
      case 'SMTPUTF8':
        if (value !== undefined) return refuse(501, '5.5.4', 'SMTPUTF8 takes no value');
        read.smtputf8 = true;
        break;
      case 'XOORG':
        if (!takesOrganization) return unknownParameter(parameter);
        organization = value === undefined ? undefined : toAsciiDomain(value);
        if (organization === undefined) return refuse(501, '5.5.4', 'XOORG needs a domain');
        break;
      default:
        return unknownParameter(parameter);
    }
  }
  return { ok: true, value: { parameters: read, organization } };
}

/** RFC 5321 §4.1.1.11. */
function unknownParameter(parameter: string): { readonly ok: false; readonly reply: Reply } {
  const keyword = PARAMETER.exec(parameter)?.[1];
  if (keyword === undefined) return refuse(501, '5.5.4', 'Malformed parameter');
  return refuse(555, '5.5.4', `Unsupported parameter ${keyword.toUpperCase().slice(0, 40)}`);
}

function refuse(code: number, status: string, text: string): { readonly ok: false; readonly reply: Reply } {
  return { ok: false, reply: reply(code, status, text) };
}
