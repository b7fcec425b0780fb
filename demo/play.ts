/** Plays one act against the running relay and says in plain sentences where it went otherwise than the story says. */

import DKIM from 'nodemailer/lib/dkim';
import { type Act, type Expected, type Outcome, PLACES, type Place, type SenderName } from './act.ts';
import { type Joined, join } from './join.ts';
import type { Arrival, MailSystem } from './mail-system.ts';
import { compose, headerField, headerLines } from './message.ts';
import { type Answer, type Sender, send } from './sending.ts';
import type { Signature, Verifier } from './verifier.ts';

export interface Stage {
  readonly senders: Readonly<Partial<Record<SenderName, Sender>>>;
  readonly systems: Readonly<Partial<Record<Place, MailSystem>>>;
  readonly verify: Verifier;
  /** The internet's own key: its mail is signed when it sets out. */
  readonly worldKey: string;
  /** Writes a folder's manifests into one that the relay watches. Resolves when they are in force, with milliseconds. */
  addManifests(folder: string): Promise<number>;
}

/** What was seen of one transaction. */
export interface Scene {
  readonly forwardPaths: readonly string[];
  readonly sent: Buffer;
  readonly sentSignatures: readonly Signature[];
  readonly answer: Answer;
  readonly arrivals: readonly SeenArrival[];
  /** What happened before it. */
  readonly note?: string;
  /** Empty when all was as the story says. */
  readonly failures: readonly string[];
}

export interface SeenArrival extends Arrival {
  readonly at: Place;
  readonly signatures: readonly Signature[];
}

export async function play(act: Act, stage: Stage): Promise<Scene[]> {
  const joined = act.joining === undefined ? undefined : await join(act.joining, stage).catch(notJoined);
  const composed = await compose(act.mail);
  const sent = act.sender === 'world' ? await signForWorld(composed, stage.worldKey) : composed;
  const scenes: Scene[] = [];
  let forwardPaths = act.mail.forwardPaths;
  for (const outcome of act.outcomes) {
    const scene = await transact(act, outcome, stage, forwardPaths, sent);
    const first = joined !== undefined && scenes.length === 0;
    scenes.push(first ? { ...scene, note: joined.note, failures: [...joined.failures, ...scene.failures] } : scene);
    forwardPaths = [...scene.answer.refused].filter(([, reply]) => reply.startsWith('4')).map(([address]) => address);
  }
  return scenes;
}

function notJoined(error: unknown): Joined {
  const reason = error instanceof Error ? error.message : String(error);
  return { note: 'The manifests were written.', failures: [`They are not in force: ${reason}.`] };
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
  const sender = stage.senders[act.sender];
  if (sender === undefined) throw new Error(`nobody plays ${act.sender}`);
  const before = watch(stage);
  const answer = await send(sender, act.mail, forwardPaths, sent).catch(brokenOff);
  // The relay answers after the next hop did: whatever arrives has arrived.
  const arrivals = await Promise.all(
    before.flatMap(({ at, system, arrivals: already }) =>
      system.arrivals
        .slice(already)
        .map(async (arrival) => ({ ...arrival, at, signatures: await stage.verify(arrival.message) })),
    ),
  );
  const sentSignatures = await stage.verify(sent);
  const failures = [
    ...checkAnswer(outcome, answer),
    ...checkArrivals(outcome.arrives, arrivals),
    ...checkAsked(outcome, before),
  ];
  if (answer.tls === undefined) failures.push('The way to the relay was not encrypted.');
  return { forwardPaths, sent, sentSignatures, answer, arrivals, failures };
}

interface Watched {
  readonly at: Place;
  readonly system: MailSystem;
  readonly arrivals: number;
  readonly contacts: number;
}

function watch({ systems }: Stage): Watched[] {
  return (Object.keys(PLACES) as Place[]).flatMap((at) => {
    const system = systems[at];
    return system === undefined ? [] : [{ at, system, arrivals: system.arrivals.length, contacts: system.contacts }];
  });
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

function checkAsked({ asked = {} }: Outcome, before: readonly Watched[]): string[] {
  return before.flatMap(({ at, system, contacts }) => {
    const wanted = asked[at];
    if (wanted === undefined || wanted === system.contacts > contacts) return [];
    const place = PLACES[at];
    return [
      `The mail system of ${place} ${wanted ? 'should have been asked, and was not' : 'should not have been asked, and was'}.`,
    ];
  });
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
  failures.push(...checkSignatures(expected, arrival), ...checkLeaks(arrival));
  if (arrival.tls === undefined) failures.push(`The way to ${PLACES[expected.at]} was not encrypted.`);
  return failures;
}

function checkSignatures({ signedBy }: Expected, { signatures }: SeenArrival): string[] {
  if (signedBy === undefined) {
    return signatures.map(({ domain }) => `It should have arrived unsigned, and is signed by ${domain}.`);
  }
  const good = signatures.some(({ domain, result }) => domain === signedBy && result === 'pass');
  return good ? [] : [`A good DKIM signature of ${signedBy} is missing.`];
}

/** What Exchange Online believes of itself, it must never hear from anybody else. */
function checkLeaks({ message }: SeenArrival): string[] {
  const names = headerLines(message).map((line) => line.slice(0, line.indexOf(':')));
  return names
    .filter((name) => /^(x-ms-exchange-crosstenant-|x-originatororg$)/i.test(name))
    .map((name) => `${name} should have been removed.`);
}
