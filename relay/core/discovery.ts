/** Discover: which tenant knows an address that no rule resolves? Turns answers into a verdict, never into a guess. */

import type { StepResult, Target } from './delivery.ts';
import { judgeRefusal } from './outcome.ts';
import { type AcceptedRecipient, REFUSAL_REPLIES } from './recipient.ts';
import { formatReply, type Reply, reply, replyClass } from './reply.ts';

export type NextHopAnswer = 'Taken' | 'Unknown' | 'Undecided';
/** `LeftOut`: its next hop takes whatever address it is asked for, so its word says nothing. */
export type CandidateAnswer = NextHopAnswer | 'LeftOut';

export interface Answered<Answer extends CandidateAnswer = CandidateAnswer> {
  readonly answer: Answer;
  /** For tracking: what the next hop said. */
  readonly cause: string;
  /** Set when the next hop refuses this relay itself. */
  readonly refusesUs?: string | undefined;
}

export type DiscoveryRefusal = 'Unknown' | 'Undecided' | 'OverBudget' | 'TooManyUnknown';

export interface RefusedDiscovery {
  readonly action: 'Refuse';
  readonly result: DiscoveryRefusal;
  /** As metrics count recipients. */
  readonly row: 'Unknown' | 'Undecided';
  readonly reply: Reply;
  /** For tracking: who said what. */
  readonly cause: string;
}

export const DISCOVERY_REPLIES: Readonly<Record<DiscoveryRefusal, Reply>> = {
  Unknown: REFUSAL_REPLIES.Unknown,
  // RFC 3463 X.4.3: the directory that knows the recipient cannot be asked.
  Undecided: reply(451, '4.4.3', 'The recipient cannot be looked up now, please try again later'),
  OverBudget: reply(451, '4.4.5', 'Too many recipients are being looked up, please try again later'),
  TooManyUnknown: reply(421, '4.7.0', 'Too many unknown recipients, please try again later'),
};

export type DiscoveryStep =
  | { readonly step: 'Ask'; readonly candidate: AcceptedRecipient }
  | { readonly step: 'Found'; readonly recipient: AcceptedRecipient }
  | { readonly step: 'Refuse'; readonly result: 'Unknown' | 'Undecided' };

/** What to do next, with the answers of the first candidates, in their order. */
export function nextStep(
  candidates: readonly AcceptedRecipient[],
  answers: readonly Pick<Answered, 'answer'>[],
): DiscoveryStep {
  let isKnown = true;
  for (const [index, candidate] of candidates.entries()) {
    const answer = answers[index]?.answer;
    switch (answer) {
      case undefined:
        return { step: 'Ask', candidate };
      case 'Taken':
        return { step: 'Found', recipient: candidate };
      case 'Undecided':
        // Somebody behind it may know the address too, and would get mail that belongs here.
        return { step: 'Refuse', result: 'Undecided' };
      case 'LeftOut':
        isKnown = false;
        break;
      case 'Unknown':
        break;
    }
  }
  // The address may well live where nobody can be asked: a bounce would be a guess.
  return { step: 'Refuse', result: isKnown ? 'Unknown' : 'Undecided' };
}

export function refuseDiscovery(result: DiscoveryRefusal, cause: string): RefusedDiscovery {
  const isUnknownUser = result === 'Unknown' || result === 'TooManyUnknown';
  return {
    action: 'Refuse',
    result,
    row: isUnknownUser ? 'Unknown' : 'Undecided',
    reply: DISCOVERY_REPLIES[result],
    cause,
  };
}

/** What a next hop's answer to RCPT says about the address; everything that is not clearly a no or a yes is undecided. */
export function readAnswer(step: StepResult, target: Target): Answered<NextHopAnswer> {
  if (step.ok) return { answer: 'Taken', cause: formatReply(step.reply) };
  const { reply: said, verdict, stage, cause: silence } = step.refusal;
  const cause = `${stage}: ${said === undefined ? silence : formatReply(said)}`;
  const { refusesUs } = judgeRefusal(step.refusal, target);
  const speaksOfRecipient = stage === 'rcpt' && verdict === undefined && refusesUs === undefined;
  const isNo = speaksOfRecipient && said !== undefined && isUnknown(said);
  return { answer: isNo ? 'Unknown' : 'Undecided', cause, refusesUs };
}

/**
 * 5.4.1 is Exchange Online's word for a recipient that its directory does not hold. RFC 3463 §3.2: of 5.1.x, x.1.7 and x.1.8
 * speak of the sender.
 */
function isUnknown(said: Reply): boolean {
  const status = said.enhancedStatus ?? '';
  if (replyClass(said) !== 'permanent') return false;
  return status === '5.4.1' || (/^5\.1\.\d{1,3}$/.test(status) && status !== '5.1.7' && status !== '5.1.8');
}
