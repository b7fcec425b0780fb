/** RewriteRules for tests, with only what a test speaks of written out, and the index made of them. */

import { type Mailbox, parseMailbox } from '../../relay/core/address.ts';
import type { HeldConfig, RewriteRuleConfig } from '../../relay/core/config.ts';
import { buildRuleIndex, type RuleIndex } from '../../relay/core/rule-index.ts';
import { relayConfig } from './relay-config.ts';

export type Row = RewriteRuleConfig['addresses'][number];
export type DomainRow = RewriteRuleConfig['domains'][number];

export const rule = (name: string, over: Partial<RewriteRuleConfig> = {}): RewriteRuleConfig => ({
  name,
  sharedDomain: 'shared.example',
  tenantRoute: 'tenant1',
  mode: 'Enforce',
  addresses: [],
  domains: [],
  ...over,
});
export const row = (internal: string, over: Partial<DomainRow> = {}): DomainRow => ({
  internal,
  external: 'shared.example',
  includeSubdomains: false,
  direction: 'Both',
  exceptions: [],
  ...over,
});
export const index = (rewriteRules: RewriteRuleConfig[], held: Partial<HeldConfig> = {}): RuleIndex =>
  buildRuleIndex(relayConfig({ rewriteRules, held }));

export function mailbox(text: string): Mailbox {
  const result = parseMailbox(text);
  if (!result.ok) throw new Error(`${text} ${result.reason}`);
  return result.value;
}

/** The shared domain that the rules above are about. */
export const SHARED = { sharedDomains: new Set(['shared.example']) };
