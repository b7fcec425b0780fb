/** Names of metrics: those that an expression asks for, and those that the documentation has. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/test-files.ts';

/** Prometheus' own, about every target. */
const OF_PROMETHEUS = ['up'];
const DOCUMENTS = ['docs/metrics.md', 'docs/operator.md'];
/** What a histogram is written as. */
const PART = /_(bucket|sum|count)$/;

/** First cells of the tables of metrics. */
export function documentedMetrics(): string[] {
  const rows = DOCUMENTS.flatMap((file) => [
    ...readFileSync(join(ROOT, file), 'utf8').matchAll(/^\| `(\w+)` \| (?:counter|gauge|histogram) \|/gm),
  ]);
  return [...rows.map((match) => match[1] ?? ''), ...OF_PROMETHEUS];
}

/** Words of PromQL that are followed by no bracket and are no label: they stand in front of `{`, `[`, an operator or nothing. */
export function metricsOf(expression: string): string[] {
  const bare = expression
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\b(by|without|on|ignoring|group_left|group_right) ?\([^)]*\)/g, '')
    .replace(/\[[^\]]*\]/g, '');
  const words = [...bare.matchAll(/[a-z_][a-z0-9_]*(?! *\()\b/g)].map((match) => match[0]);
  const operators = new Set(['and', 'or', 'unless', 'bool', 'offset', 'le']);
  return words
    .filter((word) => !operators.has(word) && !bare.includes(`${word}(`) && !bare.includes(`${word} (`))
    .map((word) => word.replace(PART, ''));
}
