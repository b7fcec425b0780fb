/**
 * Which rewriting rule speaks about an address: the closest match wins, whatever the order of the configuration
 * (api.md, RewriteRule).
 */

import { isSubdomainOf, lowerAscii, type Mailbox, parseMailbox } from './address.ts';
import type { Direction, RelayConfig } from './config.ts';
import { buildHeldIndex, type HeldIndex } from './held-index.ts';
import type { Column } from './packed-rows.ts';
import {
  type AddressRow,
  buildRuleTable,
  type DomainRow,
  type IndexedRule,
  type PackedRules,
  type RuleTable,
} from './rule-table.ts';

export interface RuleMatch {
  /**
   * `Address`: the rule gives the local part. Otherwise the local part keeps its spelling and only the domain
   * changes.
   */
  readonly kind: 'Address' | 'Domain' | 'Wildcard';
  /** What the address becomes. */
  readonly mailbox: Mailbox;
  /** metadata.name of the RewriteRule. */
  readonly rule: string;
  readonly tenantRoute: string;
  readonly sharedDomain: string;
}

export interface OutboundScope {
  /** Those the sending tenant takes part in; addresses of every tenant of them are rewritten. */
  readonly sharedDomains: ReadonlySet<string>;
  /** Domain of the recipient, which rules with `onlyTo` ask for; undefined: no such rule applies. */
  readonly recipientDomain?: string | undefined;
}

/**
 * A tagged address is looked up without its tag at each `+` from the right, as shared addresses may hold one; after so
 * many only at the first, so that a thousand of them cost no more.
 */
const TAG_CUTS = 8;

const INTERNAL = 0;
const EXTERNAL = 1;

type Applies = (indexed: IndexedRule, direction: Direction) => boolean;

export class RuleIndex {
  readonly table: RuleTable;
  readonly held: HeldIndex;
  readonly #everywhere: OutboundScope;

  constructor(table: RuleTable, held: HeldIndex) {
    this.table = table;
    this.held = held;
    this.#everywhere = { sharedDomains: new Set(table.rules.map(({ rule }) => rule.sharedDomain)) };
  }

  /**
   * The tenant address that a shared address stands for. Rules in Audit resolve nothing; they are added to `audited`.
   */
  resolveInbound(mailbox: Mailbox, audited?: RuleMatch[]): RuleMatch | undefined {
    const applies: Applies = (_, direction) => direction !== 'OutboundOnly';
    return (
      this.#byAddress(EXTERNAL, mailbox, applies, audited) ??
      this.#byDomain(
        this.table.externalDomains.get(mailbox.domain),
        // Flattening cannot be undone: the row does not say which subdomain an address came from.
        (indexed, row) => applies(indexed, row.direction) && !row.includeSubdomains,
        (row) => ({ localPart: mailbox.localPart, domain: row.internal }),
        'Domain',
        audited,
      )
    );
  }

  /**
   * The shared address that the world sees for a tenant address. Rules in Audit change nothing; they are added to
   * `audited`.
   */
  rewriteOutbound(mailbox: Mailbox, scope: OutboundScope, audited?: RuleMatch[]): RuleMatch | undefined {
    const { localPart, domain } = mailbox;
    const inScope = (indexed: IndexedRule) => scope.sharedDomains.has(indexed.rule.sharedDomain);
    const applies: Applies = (indexed, direction) =>
      direction !== 'InboundOnly' &&
      inScope(indexed) &&
      (indexed.onlyTo === undefined ||
        (scope.recipientDomain !== undefined && indexed.onlyTo.has(scope.recipientDomain)));
    const external = (row: DomainRow['row']) => ({ localPart, domain: row.external });
    const exact =
      this.#byAddress(INTERNAL, mailbox, applies, audited) ??
      this.#byDomain(
        this.table.internalDomains.get(domain),
        (indexed, row) => applies(indexed, row.direction),
        external,
        'Domain',
        audited,
      );
    if (exact !== undefined) return exact;
    for (const parent of parentsOf(domain)) {
      const match = this.#byDomain(
        this.table.internalDomains.get(parent),
        (indexed, row) => applies(indexed, row.direction) && reachesBelow(row, domain),
        external,
        'Wildcard',
        audited,
      );
      if (match !== undefined) return match;
    }
    return undefined;
  }

  /**
   * The receiving tenant's own address for a shared one, for `recipientHeaders: Rewrite`; another tenant's stays
   * shared.
   */
  reverseInbound(mailbox: Mailbox, tenantRoute: string, audited?: RuleMatch[]): RuleMatch | undefined {
    const found: RuleMatch[] | undefined = audited && [];
    const match = this.resolveInbound(mailbox, found);
    for (const one of found ?? []) if (one.tenantRoute === tenantRoute) audited?.push(one);
    return match?.tenantRoute === tenantRoute ? match : undefined;
  }

  /** Whether mail from this address must wait, whoever it is for: see isHeldUnless(). */
  isHeld(mailbox: Mailbox): boolean {
    return this.isHeldUnless(mailbox, this.rewriteOutbound(mailbox, this.#everywhere));
  }

  /**
   * Whether an address for which rewriteOutbound() found `match` belongs to something that is left out, has
   * disappeared or cannot be read (operator.md, "left out is not unknown"). A rule for its domain does not speak for
   * an address held by itself.
   */
  isHeldUnless(mailbox: Mailbox, match: RuleMatch | undefined): boolean {
    if (match?.kind === 'Address') return false;
    return this.isHeldAddress(mailbox) || (match === undefined && this.held.coversDomain(mailbox.domain));
  }

  /**
   * Whether the address, or what it is without its tag, is held by itself; never one that a rule resolves as closely.
   */
  isHeldAddress({ localPart, domain }: Mailbox): boolean {
    const held = this.held.localPartsOf(domain);
    if (held === undefined) return false;
    for (const { key } of addressKeys(localPart)) {
      if (this.table.addressRows(EXTERNAL, key, domain).some(resolves)) return false;
      if (held.has(key)) return true;
      if (this.table.addressRows(INTERNAL, key, domain).length > 0) return false;
    }
    return false;
  }

  /**
   * Equal for two recipient domains exactly when the same rules with `onlyTo` apply to both: part of what makes a
   * destination.
   */
  onlyToKey(recipientDomain: string): string {
    return this.table.rules
      .filter((indexed) => indexed.onlyTo?.has(recipientDomain) === true)
      .map((indexed) => indexed.rule.name)
      .join(' ');
  }

  /** `asked`: the column that holds the address; the other one is what it becomes. */
  #byAddress(
    asked: Column,
    mailbox: Mailbox,
    applies: Applies,
    audited: RuleMatch[] | undefined,
  ): RuleMatch | undefined {
    const becomes = asked === INTERNAL ? EXTERNAL : INTERNAL;
    for (const { key, tag } of addressKeys(mailbox.localPart)) {
      let match: RuleMatch | undefined;
      for (const { indexed, row } of this.table.addressRows(asked, key, mailbox.domain)) {
        if (!applies(indexed, row[2])) continue;
        const candidate = matchOf('Address', indexed, withTag(readMailbox(row[becomes]), tag));
        if (indexed.rule.mode === 'Audit') audited?.push(candidate);
        else if (indexed.onlyTo !== undefined) return candidate;
        else match ??= candidate;
      }
      if (match !== undefined) return match;
    }
    return undefined;
  }

  #byDomain(
    rows: readonly DomainRow[] | undefined,
    applies: (indexed: IndexedRule, row: DomainRow['row']) => boolean,
    mailbox: (row: DomainRow['row']) => Mailbox,
    kind: 'Domain' | 'Wildcard',
    audited: RuleMatch[] | undefined,
  ): RuleMatch | undefined {
    if (rows === undefined) return undefined;
    let match: RuleMatch | undefined;
    let closest = -1;
    for (const { indexed, row } of rows) {
      if (!applies(indexed, row)) continue;
      const candidate = matchOf(kind, indexed, mailbox(row));
      const closeness = closenessOf(indexed, row);
      if (indexed.rule.mode === 'Audit') audited?.push(candidate);
      else if (closeness > closest) [match, closest] = [candidate, closeness];
    }
    return match;
  }
}

/** A domain is closer than the same domain with all below it; then a rule that names the recipient's domain than one for all mail. */
function closenessOf(indexed: IndexedRule, row: DomainRow['row']): number {
  return (row.includeSubdomains ? 0 : 2) + (indexed.onlyTo === undefined ? 0 : 1);
}

/** `before`: an index of an earlier configuration, of which rows that are still there are used again. */
export function buildRuleIndex(config: RelayConfig, packed?: PackedRules, before?: RuleIndex): RuleIndex {
  return new RuleIndex(buildRuleTable(config, packed, before?.table), buildHeldIndex(config, before?.held));
}

/** The keys under which rules may name a local part: as it is, then without its tag. */
export function* addressKeys(localPart: string): Generator<{ key: string; tag: string | undefined }> {
  const key = lowerAscii(localPart);
  yield { key, tag: undefined };
  const first = key.indexOf('+', 1);
  let plus = key.lastIndexOf('+');
  for (let cuts = 1; plus > 0; cuts++) {
    yield { key: key.slice(0, plus), tag: localPart.slice(plus + 1) };
    if (plus === first) return;
    plus = cuts < TAG_CUTS ? key.lastIndexOf('+', plus - 1) : first;
  }
}

function resolves({ indexed, row }: AddressRow): boolean {
  return indexed.rule.mode === 'Enforce' && row[2] !== 'OutboundOnly';
}

function withTag(mailbox: Mailbox, tag: string | undefined): Mailbox {
  return tag === undefined ? mailbox : { localPart: `${mailbox.localPart}+${tag}`, domain: mailbox.domain };
}

function readMailbox(text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (!parsed.ok) throw new Error(`the configuration holds ${JSON.stringify(text)}: ${parsed.reason}`);
  return parsed.value;
}

function matchOf(kind: RuleMatch['kind'], { rule }: IndexedRule, mailbox: Mailbox): RuleMatch {
  return { kind, mailbox, rule: rule.name, tenantRoute: rule.tenantRoute, sharedDomain: rule.sharedDomain };
}

function reachesBelow(row: DomainRow['row'], domain: string): boolean {
  if (!row.includeSubdomains) return false;
  return !row.exceptions.some((exception) => domain === exception || isSubdomainOf(domain, exception));
}

/** The domains above, nearest first. */
function* parentsOf(domain: string): Generator<string> {
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) yield domain.slice(dot + 1);
}
