/** Writes an act as a table for a person: what went in beside what came out, at most 100 columns wide. */

import { type Act, PLACES, SENDERS } from './act.ts';
import { headerFields, type Mail } from './message.ts';
import type { Scene, SeenArrival } from './play.ts';
import type { Signature } from './verifier.ts';

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

/** Colours for a terminal; none for files, pipes and whoever sets NO_COLOR (https://no-color.org). */
export function paintFor(stream: { readonly isTTY?: boolean }, environment: NodeJS.ProcessEnv): Paint {
  const colours = stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
  const paint = (open: number, close: number) => (text: string) =>
    colours ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return { bold: paint(1, 22), dim: paint(2, 22), good: paint(32, 39), bad: paint(31, 39) };
}

const WIDTH = 100;
const INDENT = 4;
const LABEL = 10;
const ARROW = 4;
const COLUMN = Math.floor((WIDTH - INDENT - LABEL - ARROW) / 2);

interface Row {
  readonly label: string;
  readonly left: readonly string[];
  readonly right: readonly string[];
}

export function formatAct(number: number, act: Act, scenes: readonly Scene[], paint: Paint): string {
  const from = SENDERS[act.sender];
  const lines = scenes.flatMap((scene, index) => [
    ...(index === 0 ? [] : ['', `${' '.repeat(INDENT)}${paint.bold('The same message again, at once')}`]),
    ...formatScene(act, scene, from, paint),
  ]);
  return [paint.bold(`${`${number}.`.padEnd(INDENT)}${act.title}`), ...wrap(act.remark, paint), '', ...lines, ''].join(
    '\n',
  );
}

export function formatPart(title: string, remark: string, paint: Paint): string {
  const line = '─'.repeat(Math.max(0, WIDTH - title.length - 1));
  return [paint.bold(`${title} ${line}`), ...fold(remark, WIDTH).map((text) => paint.dim(text)), ''].join('\n');
}

function wrap(text: string, paint: Paint): string[] {
  return fold(text, WIDTH - INDENT).map((line) => `${' '.repeat(INDENT)}${paint.dim(line)}`);
}

function formatScene(act: Act, scene: Scene, from: string, paint: Paint): string[] {
  const [arrival] = scene.arrivals;
  const place = arrival === undefined ? 'nothing' : PLACES[arrival.at];
  const heading = {
    label: '',
    left: [`in: from ${from}`],
    right: [`out: ${place === 'nothing' ? place : `to ${place}`}`],
  };
  const rows = arrival === undefined ? sentOnly(act, scene) : sentAndArrived(act, scene, arrival);
  return [
    ...(scene.note === undefined ? [] : [...wrap(scene.note, paint), '']),
    ...formatRow(heading, paint, 'heading'),
    ...rows.flatMap((row) => formatRow(row, paint, arrival === undefined ? 'alone' : 'pair')),
    ...formatReply(scene, paint),
    ...formatVerdict(scene, paint),
  ];
}

/** Rows of the table that show a header field, and its name. */
const SHOWN: Readonly<Record<string, string>> = {
  From: 'From',
  To: 'To',
  Cc: 'Cc',
  'Tenant id': 'X-MS-Exchange-CrossTenant-Id',
};

function header(message: Buffer, label: string): string[] {
  return headerFields(message, SHOWN[label] ?? label);
}

function signatures(found: readonly Signature[]): string[] {
  return found.length === 0 ? ['none'] : found.map(({ domain, result }) => `${domain}: ${result}`);
}

function sentOnly(act: Act, scene: Scene): Row[] {
  return rowsOf(act, scene, () => []);
}

function sentAndArrived(act: Act, scene: Scene, arrival: SeenArrival): Row[] {
  return rowsOf(act, scene, (label) => {
    switch (label) {
      case 'MAIL FROM':
        return [arrival.reversePath];
      case 'RCPT TO':
        return arrival.forwardPaths;
      case 'DKIM':
        return signatures(arrival.signatures);
      case 'TLS':
        return [arrival.tls ?? 'none'];
      default:
        return header(arrival.message, label);
    }
  });
}

function organization({ organization: name }: Mail): string[] {
  return name === undefined ? [] : [`XOORG=${name}`];
}

function rowsOf(act: Act, scene: Scene, right: (label: string) => readonly string[]): Row[] {
  const left: [string, readonly string[]][] = [
    ['MAIL FROM', [act.mail.reversePath, ...organization(act.mail)]],
    ['RCPT TO', scene.forwardPaths.map((path) => (scene.answer.refused.has(path) ? `${path} ✗` : path))],
    ...Object.keys(SHOWN).map((label): [string, string[]] => [label, header(scene.sent, label)]),
    ['DKIM', signatures(scene.sentSignatures)],
    ['TLS', [scene.answer.tls ?? 'none']],
  ];
  return left
    .map(([label, values]) => ({ label, left: values, right: right(label) }))
    .filter((row) => row.left.length + row.right.length > 0);
}

function formatRow(row: Row, paint: Paint, look: 'heading' | 'alone' | 'pair'): string[] {
  const left = row.left.flatMap((value) => fold(value, COLUMN));
  const right = row.right.flatMap((value) => fold(value, COLUMN));
  const changed = row.left.join() !== row.right.join();
  const mark = look !== 'pair' ? '' : changed ? '→' : '=';
  return Array.from({ length: Math.max(left.length, right.length) }, (_, index) => {
    const label = index === 0 ? row.label : '';
    const start = `${' '.repeat(INDENT)}${paint.dim(label.padEnd(LABEL))}`;
    const value = (left[index] ?? '').padEnd(COLUMN);
    const end = right[index] ?? '';
    if (look === 'heading') return `${start}${paint.dim(`${value}${' '.repeat(ARROW)}${end}`)}`;
    const middle = ` ${index === 0 ? mark : ''}`.padEnd(ARROW);
    return `${start}${value}${paint.dim(middle)}${changed ? paint.good(end) : end}`.trimEnd();
  });
}

function formatReply(scene: Scene, paint: Paint): string[] {
  const refused = [...scene.answer.refused].map(([address, reply]) => `${address}: ${reply}`);
  // With every recipient refused the last refusal is the whole answer, and is said above.
  const whole = scene.forwardPaths.length === refused.length ? [] : [scene.answer.reply];
  const lines = [...refused, ...whole].flatMap((value) => fold(value, WIDTH - INDENT - LABEL));
  return lines.map(
    (line, index) => `${' '.repeat(INDENT)}${paint.dim((index === 0 ? 'reply' : '').padEnd(LABEL))}${line}`,
  );
}

function formatVerdict(scene: Scene, paint: Paint): string[] {
  const start = ' '.repeat(INDENT);
  if (scene.failures.length === 0) return [`${start}${paint.good('✓ as it should be')}`];
  return scene.failures.map((failure) => `${start}${paint.bad(`✗ ${failure}`)}`);
}

/** Breaks at spaces where it can, else in the middle of a word. */
function fold(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text.replaceAll(/\s+/g, ' ');
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const end = space > 0 ? space : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}
