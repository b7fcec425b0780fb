/**
 * SMTP dialogs as data. A file holds dialogs that begin with `== title`; in each:
 * `C: line` is sent with CRLF, `B: bytes` without (both with \r \n \t \\ \xNN and {8000 x} for repetition),
 * `S: line` is what must come back (`*` stands for anything), `S: closed` the end of the connection,
 * `P: code status; reason` what a Postfix answers instead of the reply before it, and `P: skip; reason` at a dialog's
 * beginning that it is not played there.
 */

import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { RawSmtp } from '../../support/raw-smtp.ts';

export interface Step {
  readonly kind: 'send' | 'expect' | 'closed';
  readonly text: string;
  /** Code and enhanced status of Postfix's own answer. */
  readonly postfix?: string;
}

export interface Dialog {
  readonly title: string;
  readonly steps: Step[];
  skipOnPostfix: boolean;
}

export function readDialogs(file: string): Dialog[] {
  const dialogs: Dialog[] = [];
  for (const [at, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('== ')) {
      dialogs.push({ title: line.slice(3), steps: [], skipOnPostfix: false });
      continue;
    }
    const dialog = dialogs.at(-1);
    if (dialog === undefined || !readStep(dialog, line))
      throw new Error(`${file}:${at + 1}: not a dialog line: ${line}`);
  }
  return dialogs;
}

function readStep(dialog: Dialog, line: string): boolean {
  const { steps } = dialog;
  const text = line.slice(3);
  switch (line.slice(0, 3)) {
    case 'C: ':
      steps.push({ kind: 'send', text: `${unescape(text)}\r\n` });
      return true;
    case 'B: ':
      steps.push({ kind: 'send', text: unescape(text) });
      return true;
    case 'S: ':
      steps.push(text === 'closed' ? { kind: 'closed', text } : { kind: 'expect', text });
      return true;
    case 'P: ': {
      const [answer = '', reason] = text.split('; ', 2);
      if (reason === undefined) return false;
      if (answer === 'skip') dialog.skipOnPostfix = true;
      else steps.push({ ...(steps.pop() as Step), postfix: answer });
      return true;
    }
    default:
      return false;
  }
}

export async function playAgainstUs(dialog: Dialog, client: RawSmtp): Promise<void> {
  for (const lines of turns(dialog)) {
    const [first] = lines as [Step];
    if (first.kind === 'send') client.write(first.text);
    else if (first.kind === 'closed') expect(await client.closed(), 'unread at the end').toBe('');
    else {
      const got = (await client.read()).text.split('\n');
      expect(got).toEqual(lines.map((line, at) => (matches(got[at], line.text) ? got[at] : line.text)));
    }
  }
}

/** Postfix words its replies in its own way: code and enhanced status count. */
export async function playAgainstPostfix(dialog: Dialog, client: RawSmtp): Promise<void> {
  for (const lines of turns(dialog)) {
    const last = lines.at(-1) as Step;
    if (last.kind === 'send') client.write(last.text);
    else if (last.kind === 'closed') await client.closed();
    else {
      const got = (await client.read()).text.split('\n').at(-1) as string;
      const ours = codes(last.text);
      if (last.postfix === undefined) expect(codes(got), `${got} instead of ${last.text}`).toBe(ours);
      else {
        expect(codes(got), `what Postfix says: ${got}`).toBe(last.postfix);
        expect(last.postfix, 'a difference that is none').not.toBe(ours);
      }
    }
  }
}

/** Steps with the lines of a multi-line reply taken together. */
function turns(dialog: Dialog): Step[][] {
  const groups: Step[][] = [];
  let open = false;
  for (const step of dialog.steps) {
    if (open) groups.at(-1)?.push(step);
    else groups.push([step]);
    open = step.kind === 'expect' && step.text[3] === '-';
  }
  return groups;
}

function codes(line: string): string {
  const match = /^(\d{3})[ -](\d\.\d+\.\d+)?/.exec(line);
  return match === null ? line : `${match[1]} ${match[2] ?? ''}`.trim();
}

function matches(got: string | undefined, pattern: string): boolean {
  if (got === undefined) return false;
  const source = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}$`).test(got);
}

function unescape(text: string): string {
  return text
    .replace(/\{(\d+) (.)\}/g, (_all, times: string, what: string) => what.repeat(Number(times)))
    .replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_all, hex: string | undefined, letter: string) =>
      hex === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
    );
}

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t' };
