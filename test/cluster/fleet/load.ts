/** A steady load from outside the cluster, and what came of every message of it: what was sent against what arrived. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TIED_TO_US } from '../../support/child-process.ts';
import { until } from '../daemon.ts';
import type { Client } from '../nodes/cluster.ts';
import type { Sinks } from './sinks.ts';
import { planned } from './traffic.ts';

export interface LoadSettings {
  /** In every Message-ID, so that two loads are told apart. */
  readonly run: string;
  readonly host: string;
  /** Messages a second; 0: as many as its connections carry. */
  readonly rate: number;
  /** Connections at once of tenant 1, and twice as many of the internet. */
  readonly lanes: number;
  readonly messagesPerConnection: number;
  /** As many more, and twice as many, that are kept and mostly idle. */
  readonly keeping: number;
  /** And that are kept, and in the middle of a message all the time. */
  readonly lasting: number;
}

/** What the sender counted; lists are of message numbers. */
export interface Tally {
  readonly sent: number;
  readonly accepted: number;
  /** By code. */
  readonly transient: Readonly<Record<string, number>>;
  readonly permanent: Readonly<Record<string, number>>;
  readonly refusedConnections: number;
  readonly cutBeforeDot: number;
  readonly cutAfterDot: number;
  /** Sessions that 421 4.3.2 ended between two messages, as it should be. */
  readonly toldToGo: number;
  /** Sessions that ended between two messages without a word, or with another. */
  readonly goneSilently: number;
  /** Messages longer than a lame duck that were accepted by a pod that took nobody new any more. */
  readonly acceptedInDrain: number;
  /** A dot was sent and its answer lost (RFC 1047): these alone may arrive twice. */
  readonly ambiguous: readonly number[];
  readonly unaccepted: readonly number[];
  /** Sessions by the certificate that was shown to them. */
  readonly certificates: Readonly<Record<string, number>>;
  /** The first things that did not go as wished. */
  readonly notes: readonly string[];
}

export type LoadLine = { readonly accepted: number; readonly waiting: number } | { readonly tally: Tally };

export interface Outcome extends Tally {
  /** Every law of the ledger that was broken, with the messages; empty as it should be. */
  readonly broken: readonly string[];
  readonly arrivedTwice: number;
}

export interface Load {
  readonly run: string;
  accepted(): number;
  /** Resolves when so many more have been accepted. */
  more(messages: number): Promise<void>;
  /** Sends no new message, waits until every one is accepted, and looks for all of them. */
  end(): Promise<Outcome>;
}

const PROGRAM = join(import.meta.dirname, 'load-program.ts');
/** Rates are for two cores that run the cluster as well. */
const USUAL = { rate: 12, lanes: 2, messagesPerConnection: 4, keeping: 3, lasting: 1 };
let runs = 0;

export async function startLoad(
  client: Client,
  host: string,
  sinks: Sinks,
  wishes: Partial<LoadSettings> = {},
): Promise<Load> {
  runs += 1;
  const settings: LoadSettings = { ...USUAL, run: `run${process.pid}-${runs}`, host, ...wishes };
  const [command, ...args] = [...TIED_TO_US, ...client.inside, process.execPath, PROGRAM, JSON.stringify(settings)];
  const child = spawn(command as string, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let accepted = 0;
  let waiting = 0;
  let tally: Tally | undefined;
  let ended = false;
  createInterface(child.stdout).on('line', (text) => {
    const line = JSON.parse(text) as LoadLine;
    if ('tally' in line) tally = line.tally;
    else ({ accepted, waiting } = line);
  });
  child.stdin.on('error', () => {});
  const closed = once(child, 'close').then(() => {
    ended = true;
  });
  const more = async (messages: number) => {
    const goal = accepted + messages;
    const isThere = () => {
      if (ended) throw new Error('the load has ended by itself');
      return accepted >= goal;
    };
    const detail = () => `${accepted} accepted, ${goal} wanted, ${waiting} waiting`;
    await until('mail flows', isThere, { seconds: 90, every: 100, detail });
  };
  await more(USUAL.rate);
  return {
    run: settings.run,
    accepted: () => accepted,
    more,
    async end() {
      child.stdin.end();
      await closed;
      if (tally === undefined) throw new Error('the load ended without saying what it had done');
      return { ...tally, ...judge(settings.run, tally, sinks) };
    },
  };
}

/** Accepted equals delivered, each exactly once but for those whose answer was lost; nobody hears a 5xx. */
function judge(run: string, tally: Tally, { ledger }: Sinks): Pick<Outcome, 'broken' | 'arrivedTwice'> {
  const ambiguous = new Set(tally.ambiguous);
  const unaccepted = new Set(tally.unaccepted);
  const broken = Object.entries(tally.permanent).map(([code, times]) => `${times} answers ${code}`);
  let arrivedTwice = 0;
  for (let number = 0; number < tally.sent; number += 1) {
    const { id, arrives } = planned(run, number);
    const receipts = ledger.get(id) ?? [];
    if (unaccepted.has(number)) broken.push(`${id} was never accepted`);
    else if (receipts.length === 0) broken.push(`${id} was accepted and is lost`);
    if (receipts.length > 1) {
      arrivedTwice += 1;
      if (!ambiguous.has(number)) broken.push(`${id} arrived ${receipts.length} times`);
    }
    for (const { place, reversePath, forwardPaths } of receipts) {
      const seen = `${reversePath} to ${forwardPaths.join()} at ${place}`;
      const wanted = `${arrives.reversePath} to ${arrives.forwardPath} at ${arrives.at}`;
      if (seen !== wanted) broken.push(`${id} arrived from ${seen} instead of ${wanted}`);
    }
  }
  return { broken, arrivedTwice };
}

/** One line for whoever reads the test's output. */
export function told(what: string, { notes: _notes, certificates: _certificates, ...outcome }: Outcome): string {
  const { sent, accepted, arrivedTwice, refusedConnections, cutBeforeDot, cutAfterDot } = outcome;
  const { toldToGo, goneSilently, acceptedInDrain } = outcome;
  const transient = Object.entries(outcome.transient).map(([code, times]) => `${times} × ${code}`);
  const heard = transient.length === 0 ? 'no 4xx' : transient.join(', ');
  return (
    `${what}: ${sent} sent, ${accepted} accepted, ${heard}, ${refusedConnections} connections refused, ` +
    `${cutBeforeDot} cut before and ${cutAfterDot} after the dot, ${arrivedTwice} arrived twice; ` +
    `idle sessions: ${toldToGo} told to go, ${goneSilently} gone silently; ${acceptedInDrain} long messages accepted in a drain`
  );
}
