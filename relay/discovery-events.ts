/** What Discover finds out, for whoever watches: counts, findings in /status, lines in the log. */

import type { DiscoveryEvents } from './discover/discoverer.ts';
import type { FindingList } from './findings.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { Log } from './tracking/tracking.ts';

const RESULTS = {
  Found: 'found',
  Unknown: 'unknown',
  Undecided: 'undecided',
  OverBudget: 'over_budget',
  TooManyUnknown: 'too_many_unknown',
} as const;

const ANSWERS = { Taken: 'taken', Unknown: 'unknown', Undecided: 'undecided' } as const;

export function discoveryEvents(metrics: Metrics, findings: FindingList, log: Log): DiscoveryEvents {
  return {
    discovered: (result) => metrics.discoveries[RESULTS[result]].add(),
    asked: (about, answer) => metrics.discoveryQuestions[about][ANSWERS[answer]].add(),
    nextHopRefuses: (target, meaning) => {
      metrics.nextHopRefusesUs.add();
      findings.nextHopRefuses(target, meaning);
    },
    standing: (tenantRoute, state) => {
      const isCatchAll = state === 'CatchAll';
      if (!findings.catchAll(tenantRoute, isCatchAll)) return;
      if (isCatchAll) log.warn('a next hop takes addresses that nobody has: Discover leaves it out', { tenantRoute });
      else log.info('a next hop refuses addresses that nobody has, or is asked no more', { tenantRoute });
    },
    unclear: (tenantRoute, cause) =>
      log.warn('a next hop gave no clear answer for an address that nobody has: asked again', { tenantRoute, cause }),
    failed: (error) => log.error('a next hop could not be asked for an address that nobody has', { error }),
  };
}
