/** Plays one act against the running relay and says in plain sentences where it went otherwise than the story says. */

import DKIM from 'nodemailer/lib/dkim';
import { type Answer, type Arrival, compose, type MailSystem, type Sender, send } from './mail-system.ts';
import { headerField } from './message.ts';
import { type Act, type Expected, type Outcome, PLACES, type Place } from './act.ts';
import type { Signature, Verifier } from './verifier.ts';

export interface Stage {
  readonly senders: Readonly<Record<Act['sender'], Sender>>;
  readonly systems: Readonly<Record<Place, MailSystem>>;
  readonly verify: Verifier;
  /** The internet's own key: its mail is signed when it sets out. */
  readonly worldKey: string;
}

/** What was seen of one transaction. */
export interface Scene {
  readonly forwardPaths: readonly string[];
  readonly sent: Buffer;
  readonly sentSignatures: readonly Signature[];
  readonly answer: Answer;
  readonly arrivals: readonly SeenArrival[];
  /** Empty when all was as the story says. */
  readonly failures: readonly string[];
}

export interface SeenArrival extends Arrival {
  readonly at: Place;
  readonly signatures: readonly Signature[];
}

export async function play(act: Act, stage: Stage): Promise<Scene[]> {
  const composed = await compose(act.mail);
  const sent = act.sender === 'world' ? await signForWorld(composed, stage.worldKey) : composed;
  const scenes: Scene[] = [];
  let forwardPaths = act.mail.forwardPaths;
  for (const outcome of act.outcomes) {
    const scene = await transact(act, outcome, stage, forwardPaths, sent);
    scenes.push(scene);
    forwardPaths = [...scene.answer.refused].filter(([, reply]) => reply.startsWith('4')).map(([address]) => address);
  }
  return scenes;
}

async function signForWorld(message: Buffer, privateKey: string): Promise<Buffer> {
  const signer = new DKIM({ domainName: 'world.example', keySelector: 'world', privateKey });
  return Buffer.concat(await signer.sign(message).toArray());
}

async function transact(
  act: Act,
  outcome: Outcome,
  stage: Stage,
  forwardPaths: readonly string[],
  sent: Buffer,
): Promise<Scene> {
  const places = Object.keys(PLACES) as Place[];
  const before = new Map(places.map((place) => [place, stage.systems[place].arrivals.length]));
  const answer = await send(stage.senders[act.sender], act.mail, forwardPaths, sent).catch(brokenOff);
  // The relay answers after the next hop did: whatever arrives has arrived.
  const arrivals = await Promise.all(
    places.flatMap((at) =>
      stage.systems[at].arrivals
        .slice(before.get(at))
        .map(async (arrival) => ({ ...arrival, at, signatures: await stage.verify(arrival.message) })),
    ),
  );
  const sentSignatures = await stage.verify(sent);
  const failures = [...checkAnswer(outcome, answer), ...checkArrivals(outcome.arrives, arrivals)];
  if (answer.tls === undefined) failures.push('The way to the relay was not encrypted.');
  return { forwardPaths, sent, sentSignatures, answer, arrivals, failures };
}

/** A conversation that broke off is shown and judged like any other answer, and the story goes on. */
function brokenOff(error: unknown): Answer {
  return {
    reply: `(broken off: ${error instanceof Error ? error.message : error})`,
    refused: new Map(),
    tls: undefined,
  };
}

function checkAnswer(outcome: Outcome, answer: Answer): string[] {
  const failures: string[] = [];
  if (!answer.reply.startsWith(outcome.reply)) {
    failures.push(`The sender should have heard "${outcome.reply.trim()}…" and heard "${answer.reply}".`);
  }
  const expected = outcome.refused ?? {};
  for (const address of new Set([...Object.keys(expected), ...answer.refused.keys()])) {
    const wanted = expected[address];
    const heard = answer.refused.get(address);
    if (wanted === undefined) failures.push(`${address} should have been accepted and was refused: "${heard}".`);
    else if (heard === undefined)
      failures.push(`${address} should have been refused with "${wanted}…" and was accepted.`);
    else if (!heard.startsWith(wanted))
      failures.push(`${address} should have heard "${wanted}…" and heard "${heard}".`);
  }
  return failures;
}

function checkArrivals(expected: Expected | undefined, arrivals: readonly SeenArrival[]): string[] {
  const places = arrivals.map(({ at }) => PLACES[at]).join(' and ');
  if (expected === undefined) {
    return arrivals.length === 0 ? [] : [`Nothing should have arrived anywhere, and something did at ${places}.`];
  }
  const [arrival] = arrivals;
  if (arrivals.length !== 1 || arrival?.at !== expected.at) {
    return [`One message should have arrived at ${PLACES[expected.at]}; what arrived: ${places || 'nothing'}.`];
  }
  const facts: [string, string | undefined, string | undefined][] = [
    ['reverse-path', expected.reversePath, arrival.reversePath],
    ['recipients', expected.forwardPaths.join(', '), arrival.forwardPaths.join(', ')],
    ['From', expected.from, headerField(arrival.message, 'From')],
    ['To', expected.to, headerField(arrival.message, 'To')],
    ['Cc', expected.cc, headerField(arrival.message, 'Cc')],
  ];
  const failures = facts
    .filter(([, wanted, seen]) => wanted !== seen)
    .map(([name, wanted, seen]) => `${name} should have been "${wanted ?? 'absent'}" and was "${seen ?? 'absent'}".`);
  if (!arrival.signatures.some(({ domain, result }) => domain === expected.signedBy && result === 'pass')) {
    failures.push(`A good DKIM signature of ${expected.signedBy} is missing.`);
  }
  if (arrival.tls === undefined) failures.push(`The way to ${PLACES[expected.at]} was not encrypted.`);
  return failures;
}
