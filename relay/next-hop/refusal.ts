/** Makes refusals: what went wrong at a next hop, as values. */

import type { Refusal, Stage } from '../core/delivery.ts';
import type { Reply } from '../core/reply.ts';

/** Nothing was said: a time-out, a lost connection, DNS. */
export function silent(stage: Stage, cause: string): Refusal {
  return { stage, reply: undefined, verdict: undefined, cause };
}

/** The next hop said no. */
export function refused(stage: Stage, reply: Reply, cause: string): Refusal {
  return { stage, reply, verdict: undefined, cause };
}

/** This side knows better than any reply what the client should hear. */
export function decided(stage: Stage, verdict: Reply, cause: string): Refusal {
  return { stage, reply: undefined, verdict, cause };
}

/** Whether trying the same again later may help. */
export function isTransient(refusal: Refusal): boolean {
  const said = refusal.verdict ?? refusal.reply;
  return said === undefined || said.code < 500;
}

/** What an exception says, for a refusal's cause. */
export function textOf(exception: unknown): string {
  return exception instanceof Error ? exception.message : String(exception);
}
