/** Who knows the address? Each sentence about Discover as a row, and the laws that no order of answers may break. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Refusal, Stage, StepResult, Target } from '../../../relay/core/delivery.ts';
import {
  type CandidateAnswer,
  DISCOVERY_REPLIES,
  nextStep,
  readAnswer,
  refuseDiscovery,
} from '../../../relay/core/discovery.ts';
import type { AcceptedRecipient } from '../../../relay/core/recipient.ts';
import { formatReply, type Reply, reply } from '../../../relay/core/reply.ts';

const TENANT: Target = { kind: 'TenantRoute', name: 'tenant1' };

function candidate(name: string): AcceptedRecipient {
  return {
    action: 'Accept',
    target: { kind: 'TenantRoute', name },
    forwardPath: `john@${name}.example`,
    resolution: 'Discovered',
    rule: undefined,
    sharedDomain: undefined,
    recipientDomain: 'shared.example',
  };
}

describe('what a next hop says about the address', () => {
  const no = (said: Reply | undefined, stage: Stage = 'rcpt', verdict?: Reply): StepResult => {
    const refusal: Refusal = { stage, reply: said, verdict, cause: 'nothing was said' };
    return { ok: false, refusal };
  };

  it.each<[string, StepResult, CandidateAnswer, boolean]>([
    ['250', { ok: true, reply: reply(250, '2.1.5', 'ok') }, 'Taken', false],
    ['251 will forward', { ok: true, reply: reply(251, undefined, 'will forward') }, 'Taken', false],
    ['5.1.1', no(reply(550, '5.1.1', 'unknown')), 'Unknown', false],
    ['5.1.10, as Exchange says it', no(reply(550, '5.1.10', 'RecipientNotFound')), 'Unknown', false],
    ['5.1.0', no(reply(550, '5.1.0', 'unknown')), 'Unknown', false],
    ['5.4.1, as Exchange Online says it', no(reply(550, '5.4.1', 'Access denied')), 'Unknown', false],
    ['5.1.7 speaks of the sender', no(reply(550, '5.1.7', 'bad sender')), 'Undecided', false],
    ['5.1.8 speaks of the sender', no(reply(550, '5.1.8', 'bad sender')), 'Undecided', false],
    ['450 greylisting', no(reply(450, '4.7.1', 'later')), 'Undecided', false],
    ['450 with a permanent status (RFC 2034)', no(reply(450, '5.1.1', 'odd')), 'Undecided', false],
    ['550 with a transient status', no(reply(550, '4.1.1', 'odd')), 'Undecided', false],
    ['550 without a status', no(reply(550, undefined, 'no such user')), 'Undecided', false],
    ['5.2.1 disabled mailbox', no(reply(550, '5.2.1', 'disabled')), 'Undecided', false],
    ['5.4.14 a loop', no(reply(550, '5.4.14', 'loop')), 'Undecided', false],
    ['5.7.1 policy', no(reply(550, '5.7.1', 'policy')), 'Undecided', false],
    ['5.7.64 speaks of us', no(reply(550, '5.7.64', 'TenantAttribution')), 'Undecided', true],
    ['5.1.1 that speaks of us in words', no(reply(550, '5.1.1', 'Relay access denied')), 'Undecided', true],
    ['5.1.1 at MAIL', no(reply(550, '5.1.1', 'who'), 'mail'), 'Undecided', true],
    ['554 greeting', no(reply(554, undefined, 'go away'), 'greeting'), 'Undecided', true],
    ['silence', no(undefined), 'Undecided', false],
    ['DNS', no(undefined, 'lookup'), 'Undecided', false],
    ['no SMTPUTF8', no(undefined, 'mail', reply(550, '5.6.7', 'no')), 'Undecided', false],
    ['no code at all', no(reply(999, undefined, 'what')), 'Undecided', false],
    ['a success that is none', no(reply(354, '5.1.1', 'go on')), 'Undecided', false],
  ])('%s', (_name, step, answer, refusesUs) => {
    const read = readAnswer(step, TENANT);
    expect([read.answer, read.refusesUs !== undefined]).toEqual([answer, refusesUs]);
  });
});

/** Asks until there is a verdict, as the edge does: `A B => Found B`. */
function search(answers: readonly CandidateAnswer[]): string {
  const candidates = answers.map((_, index) => candidate(`tenant${index + 1}`));
  const asked: string[] = [];
  for (;;) {
    const next = nextStep(
      candidates,
      answers.slice(0, asked.length).map((answer) => ({ answer })),
    );
    const path = next.step === 'Ask' ? next.candidate.forwardPath : '';
    switch (next.step) {
      case 'Ask':
        asked.push(path.slice('john@tenant'.length, -'.example'.length));
        break;
      case 'Found':
        return `${asked.join(' ')} => ${next.recipient.forwardPath}`;
      case 'Refuse':
        return `${asked.join(' ')} => ${next.result}`;
    }
  }
}

describe('the verdict', () => {
  it.each([
    ['Unknown', 'Unknown'],
    ['TooManyUnknown', 'Unknown'],
    ['Undecided', 'Undecided'],
    ['OverBudget', 'Undecided'],
  ] as const)('%s counts as %s among all recipients', (result, row) => {
    expect(refuseDiscovery(result, 'why')).toEqual({
      action: 'Refuse',
      result,
      row,
      reply: DISCOVERY_REPLIES[result],
      cause: 'why',
    });
  });

  it.each<[string, CandidateAnswer[], string]>([
    ['the first that takes it wins', ['Taken', 'Taken'], '1 => john@tenant1.example'],
    ['a no asks the next', ['Unknown', 'Taken'], '1 2 => john@tenant2.example'],
    ['a 4xx stops the search: never a guess', ['Undecided', 'Taken'], '1 => Undecided'],
    ['a 4xx behind a no stops it too', ['Unknown', 'Undecided', 'Taken'], '1 2 => Undecided'],
    ['everybody says no', ['Unknown', 'Unknown'], '1 2 => Unknown'],
    ['a catch-all is left out', ['LeftOut', 'Taken'], '1 2 => john@tenant2.example'],
    ['where a catch-all was left out, nobody knows', ['LeftOut', 'Unknown'], '1 2 => Undecided'],
    ['only catch-alls', ['LeftOut'], '1 => Undecided'],
    ['nobody to ask: the only tenant is the one it came from', [], ' => Unknown'],
  ])('%s', (_name, answers, verdict) => {
    expect(search(answers)).toBe(verdict);
  });

  it('is what the client hears', () => {
    expect(Object.entries(DISCOVERY_REPLIES).map(([result, said]) => `${result}: ${formatReply(said)}`)).toEqual([
      'Unknown: 550 5.1.1 Recipient address rejected: unknown user',
      'Undecided: 451 4.4.3 The recipient cannot be looked up now, please try again later',
      'OverBudget: 451 4.4.5 Too many recipients are being looked up, please try again later',
      'TooManyUnknown: 421 4.7.0 Too many unknown recipients, please try again later',
    ]);
  });

  it('is found only behind clear noes, unknown only if all say so, and asks in order', () => {
    const answer = fc.constantFrom<CandidateAnswer>('Taken', 'Unknown', 'Undecided', 'LeftOut');
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 8 }), (answers) => {
        const [asked = '', verdict = ''] = search(answers).split(' => ');
        const end = answers.findIndex((one) => one === 'Taken' || one === 'Undecided');
        const heard = end < 0 ? answers : answers.slice(0, end + 1);
        expect(asked).toBe(heard.map((_, index) => index + 1).join(' '));
        expect(verdict.startsWith('john@')).toBe(end >= 0 && answers[end] === 'Taken');
        expect(verdict === 'Unknown').toBe(answers.every((one) => one === 'Unknown'));
        if (verdict.startsWith('john@')) expect(verdict).toBe(`john@tenant${end + 1}.example`);
      }),
    );
  });
});
