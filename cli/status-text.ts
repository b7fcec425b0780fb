/** The story as one screen: what is not ready first, with what to do; then a table a kind. */

import { type Kind, KINDS } from '../crds/v1alpha1/kinds.ts';
import { listed } from '../operator/compile/order.ts';
import { placeOf } from './cluster/resources.ts';
import { counted } from './diagnosis.ts';
import type { Health, Trouble } from './status-health.ts';
import type { AwayOperator } from './status-operator.ts';
import type { Account, Story } from './status-story.ts';
import { cellsOf, TITLES, titlesOf } from './status-tables.ts';
import { plain, type Style, styled } from './terminal-text.ts';

export interface TextOptions {
  /** More columns, and every row. */
  readonly wide: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A screen holds this many of each kind. */
const MOST_ROWS = 20;
/** One cause can stop hundreds: so many are named. */
const MOST_NAMES = 8;

const MARKS: Readonly<Record<Health, readonly [Style, string]>> = {
  Ready: ['green', '✓'],
  Waiting: ['yellow', '…'],
  Broken: ['red', '✗'],
  Unobserved: ['red', '?'],
};

export function statusText(story: Story, options: TextOptions): string {
  const { objects, unreadable } = story;
  const manyNamespaces = story.namespace === undefined;
  const blocks = [
    [summary(story)],
    ...(story.operatorAway === undefined ? [] : [awayLines(story.operatorAway, options.now)]),
    ...unreadable.map(({ kind, message }) => [
      `${mark('Broken')} ${styled('bold', `${TITLES[kind]} are not shown`)}`,
      plain(`    ${message}`),
    ]),
    ...troubleGroups(objects).map((group) => groupLines(group, manyNamespaces, options.now)),
    ...remarkGroups(objects).map((group) => groupLines(group, manyNamespaces, options.now)),
    ...KINDS.map((kind) => tableLines(kind, story, options)).filter((lines) => lines.length > 0),
  ];
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function awayLines({ namespace, lease, renewed }: AwayOperator, now: number): string[] {
  const age = ageOf(Date.parse(renewed), now);
  return [
    `${mark('Broken')} ${styled('bold', 'No operator runs')}: ${plain(`nobody has renewed Lease ${namespace}/${lease} for ${age}`)}`,
    '    What follows may be old, and changes wait. Relays go on with what they have.',
    plain(`    → see why: kubectl get pods -n ${namespace} -l app.kubernetes.io/name=isthmus`),
  ];
}

function summary({ namespace, objects, operatorAway }: Story): string {
  const where = placeOf(namespace);
  if (objects.length === 0) {
    if (namespace === undefined) return 'There is nothing of Isthmus in any namespace.';
    return plain(`There is nothing of Isthmus ${where}. -A looks in all namespaces, -n in another.`);
  }
  const working = objects.filter(({ health }) => health === 'Ready').length;
  if (working === objects.length && operatorAway !== undefined)
    return plain(`${counted(working, 'object')} ${where}, all ready when an operator last looked`);
  if (working === objects.length)
    return `${mark('Ready')} ${plain(`${counted(working, 'object')} ${where}, all ready`)}`;
  return plain(`${counted(objects.length, 'object')} ${where}: ${working} ready, ${objects.length - working} not`);
}

interface Group {
  readonly health: Health | 'Remark';
  readonly trouble: Trouble;
  readonly accounts: readonly Account[];
}

/** Those of one cause together: an operator that is away is said once. */
function troubleGroups(objects: readonly Account[]): Group[] {
  return grouped(
    objects.flatMap((account) =>
      account.trouble === undefined ? [] : [{ health: account.health, trouble: account.trouble, account }],
    ),
  );
}

function remarkGroups(objects: readonly Account[]): Group[] {
  return grouped(
    objects.flatMap((account) => account.remarks.map((trouble) => ({ health: 'Remark' as const, trouble, account }))),
  );
}

function grouped(
  all: readonly { readonly health: Group['health']; readonly trouble: Trouble; readonly account: Account }[],
): Group[] {
  const groups = new Map<string, { health: Group['health']; trouble: Trouble; accounts: Account[] }>();
  for (const { health, trouble, account } of all) {
    const key = JSON.stringify([health, trouble.reason, trouble.message, trouble.advice]);
    const group = groups.get(key) ?? { health, trouble, accounts: [] };
    group.accounts.push(account);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function groupLines({ health, trouble, accounts }: Group, manyNamespaces: boolean, now: number): string[] {
  const who = listed(
    accounts.map((account) => nameOf(account, manyNamespaces)),
    MOST_NAMES,
  );
  const since = oldest(accounts, trouble);
  const age = since === undefined ? '' : `, for ${ageOf(since, now)}`;
  const sign = health === 'Remark' ? styled('yellow', '!') : mark(health);
  return [
    `${sign} ${styled('bold', who)}: ${plain(`${trouble.reason}${age}`)}`,
    ...(trouble.message === '' ? [] : [plain(`    ${trouble.message}`)]),
    ...(trouble.advice === undefined ? [] : [plain(`    → ${trouble.advice}`)]),
  ];
}

function nameOf({ kind, namespace, name }: Account, manyNamespaces: boolean): string {
  return `${kind} ${manyNamespaces ? `${namespace}/` : ''}${name}`;
}

/** Several objects have had it for different times; one has its own. */
function oldest(accounts: readonly Account[], { since }: Trouble): number | undefined {
  if (accounts.length > 1 || since === undefined) return undefined;
  const time = Date.parse(since);
  return Number.isNaN(time) ? undefined : time;
}

/** `42s`, `5m`, `3h`, `12d`. */
function ageOf(since: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 2 * 86400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

function tableLines(kind: Kind, { objects, namespace }: Story, { wide, now }: TextOptions): string[] {
  const own = objects.filter((account) => account.kind === kind);
  if (own.length === 0) return [];
  const rows = wide ? own : own.slice(0, MOST_ROWS);
  const home = namespace === undefined ? ['NAMESPACE'] : [];
  const heading = [...home, 'NAME', ...titlesOf(kind, wide), 'STATE', 'AGE'];
  const cells = rows.map((account) => [
    ...(namespace === undefined ? [account.namespace] : []),
    account.name,
    ...cellsOf(account.facts, wide),
    account.trouble?.reason ?? 'Ready',
    account.created === undefined ? '-' : ageOf(Date.parse(account.created), now),
  ]);
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const hidden = own.length - rows.length;
  return [
    styled('bold', TITLES[kind]),
    styled('dim', `    ${line(heading)}`),
    ...cells.map((row, index) => `  ${mark(rows[index]?.health ?? 'Ready')} ${plain(line(row))}`),
    ...(hidden > 0 ? [styled('dim', `    … and ${hidden} more: -o wide shows all`)] : []),
  ];
}

function mark(health: Health): string {
  const [style, sign] = MARKS[health];
  return styled(style, sign);
}
