/** Makes the whole status of a resource: conditions from the closed lists, and what its kind has besides. */

import { CONDITION_TYPES, type Condition } from '../../crds/v1alpha1/conditions.ts';
import { bounded, type Said, sentences } from './cause.ts';
import { equalStatus } from './equal.ts';
import type { StatusFacts, StatusResult } from './facts.ts';
import { kindFields } from './kind-fields.ts';
import { programmed } from './programmed.ts';
import { readiness } from './ready.ts';
import { rolledOut } from './rolled-out.ts';
import { formatTime, parseTime } from './time.ts';

/** A pod that is asked answers within this, or not at all. */
const UNANSWERED_MS = 2000;

export function statusOf(facts: StatusFacts): StatusResult {
  const { now, subject, compiled } = facts;
  const { generation, kind, status: written } = subject;
  const { cause, hash, unanswered } = programmed(facts);
  const rollout = rolledOut(facts);
  const basic: Said[] = [...compiled.conditions, { type: 'Programmed', ...cause }];
  const { conditions: ready, stallsInMs } = readiness(facts, basic, rollout, (said) => parseTime(stamp(said)) ?? now);
  const own: Said[] = rollout === undefined ? [] : [{ type: 'RolledOut', ...rollout.cause }];
  const known = new Set<string>(CONDITION_TYPES[kind]);
  const conditions = [...basic, ...own, ...ready, ...remarks(facts)]
    .filter(({ type }) => known.has(type))
    .map((said): Condition => {
      const { type, status, reason } = said;
      const message = bounded(said.message);
      return { type, status, reason, message, lastTransitionTime: stamp(said), observedGeneration: generation };
    });
  const status = { observedGeneration: generation, conditions, ...kindFields(facts, compiled, rollout) };
  const nextLookMs = unanswered ? Math.min(UNANSWERED_MS, stallsInMs ?? UNANSWERED_MS) : stallsInMs;
  return { status, changed: !equalStatus(written, status), nextLookMs, programmed: hash };

  /** When the condition came to be as it is. */
  function stamp({ type, status }: Said): string {
    const before = written?.conditions?.find((condition) => condition.type === type);
    return before?.status === status ? before.lastTransitionTime : formatTime(now);
  }
}

/** What is there only while True. */
function remarks({ subject, nextHopRefusesUs, workload }: StatusFacts): Said[] {
  const said: Said[] = [];
  if (nextHopRefusesUs !== undefined && subject.kind === 'TenantRoute') {
    const todo =
      'Let it take mail from the addresses that this fleet sends from, or correct spec.nextHop; until then mail for it is deferred';
    said.push(remark('NextHopRefusesUs', sentences(nextHopRefusesUs, todo)));
  }
  if (workload?.clientAddressHidden !== undefined && subject.kind === 'RelayFleet') {
    const todo =
      'Set spec.service.externalTrafficPolicy to Local, or spec.proxyProtocol behind a load balancer that speaks it';
    said.push(remark('ClientAddressHidden', sentences(workload.clientAddressHidden, todo)));
  }
  return said;
}

function remark(type: 'NextHopRefusesUs' | 'ClientAddressHidden', message: string): Said {
  return { type, status: 'True', reason: type, message };
}
