/**
 * A sending mail system as a process, started in the namespace of a client outside the cluster: sends at a steady rate, tries
 * again whatever was not taken, and ends when its standard input has ended and everything is delivered or it gives up.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { type Habit, habitsOf, LASTING_MS } from './habits.ts';
import type { LoadLine, LoadSettings, Tally } from './load.ts';
import { type Ended, type Refusal, Refused, type Sent, Session } from './sender.ts';
import { contentOf, type Planned, planned, TENANT_CLIENT, WORLD_CLIENT } from './traffic.ts';

interface Item extends Planned {
  attempts: number;
  /** When it may be tried, in milliseconds. */
  due: number;
  /** A dot of it was sent whose answer was lost. */
  ambiguous: boolean;
}

const settings = JSON.parse(process.argv[2] ?? '') as LoadSettings;
/** As mail systems do it, in a test's time. */
const BACK_OFF_MS = [200, 500, 1000, 2000, 4000];
/** After the end of the load: longer than any outage that a test makes. */
const PATIENCE_MS = 90_000;
/** Between two looks whether there is something to do. */
const IDLE_MS = settings.rate === 0 ? 1 : 25;
const NOTES = 40;
const ALIKE = 8;

const say = (line: LoadLine) => process.stdout.write(`${JSON.stringify(line)}\n`);

const tally = {
  sent: 0,
  accepted: 0,
  transient: {} as Record<string, number>,
  permanent: {} as Record<string, number>,
  refusedConnections: 0,
  cutBeforeDot: 0,
  cutAfterDot: 0,
  toldToGo: 0,
  goneSilently: 0,
  acceptedInDrain: 0,
  ambiguous: [] as number[],
  unaccepted: [] as number[],
  certificates: {} as Record<string, number>,
  notes: [] as string[],
} satisfies Tally;

const queues = new Map<string, Item[]>([TENANT_CLIENT, WORLD_CLIENT].map((address) => [address, []]));
const open = new Map<Item, number>();
const habits = habitsOf(settings);
const end = new AbortController();
let deadline = Number.POSITIVE_INFINITY;

const note = (text: string) => {
  if (tally.notes.length < NOTES) tally.notes.push(`${new Date().toISOString().slice(11, 23)} ${text}`);
};
const count = (counts: Record<string, number>, key: string | number) => {
  counts[key] = (counts[key] ?? 0) + 1;
};

/** Of a load without a rate, as many as every lane has one under way and one to come. */
const AHEAD = habits.length * 2 * 3;

async function generate(): Promise<void> {
  const began = performance.now();
  const isWanted = () =>
    settings.rate === 0 ? open.size < AHEAD : tally.sent < ((performance.now() - began) / 1000) * settings.rate;
  while (!end.signal.aborted) {
    while (isWanted()) {
      const number = tally.sent;
      const item = { ...planned(settings.run, number), attempts: 0, due: 0, ambiguous: false };
      tally.sent += 1;
      open.set(item, number);
      queues.get(item.from)?.push(item);
    }
    await wait(IDLE_MS);
  }
}

function nextDue(queue: Item[]): Item | undefined {
  const index = queue.findIndex(({ due }) => due <= performance.now());
  return index < 0 ? undefined : queue.splice(index, 1)[0];
}

function again(item: Item): void {
  const pause = BACK_OFF_MS[Math.min(item.attempts, BACK_OFF_MS.length - 1)] ?? 0;
  item.attempts += 1;
  item.due = performance.now() + pause;
  queues.get(item.from)?.push(item);
}

function refused(item: Item, code: number, reply: string): void {
  // What a test makes happen hundreds of times must not hide what happens once.
  if ((tally.transient[code] ?? 0) < ALIKE) note(`${item.id}: ${reply}`);
  if (code >= 500) {
    count(tally.permanent, code);
    open.delete(item);
    tally.unaccepted.push(Number(item.id.split(/[.@]/)[1]));
    return;
  }
  count(tally.transient, code);
  again(item);
}

async function connection(address: string, item: Item): Promise<Session | undefined> {
  try {
    const session = await Session.open({ host: settings.host, localAddress: address, hurry: end.signal });
    count(tally.certificates, session.fingerprint);
    return session;
  } catch (error) {
    if (error instanceof Refused) refused(item, error.code, error.message);
    else {
      tally.refusedConnections += 1;
      note(`${item.id}: no connection: ${error instanceof Error ? error.message : String(error)}`);
      again(item);
    }
    return undefined;
  }
}

/** Nobody was in the middle of anything. */
function ended({ told, reason }: Ended): void {
  if (told) tally.toldToGo += 1;
  else {
    tally.goneSilently += 1;
    note(`an idle session ended: ${reason}`);
  }
}

/** What came of one attempt; whether the session goes on. */
async function settle(item: Item, sent: Sent, session: Session, lasted: boolean): Promise<boolean> {
  switch (sent.kind) {
    case 'accepted':
      tally.accepted += 1;
      open.delete(item);
      if (sent.leaving) tally.toldToGo += 1;
      if (sent.leaving && lasted) tally.acceptedInDrain += 1;
      return !sent.leaving;
    case 'refused':
      refused(item, sent.code, sent.reply);
      return sent.code !== 421 && (await stays(session, 'RSET'));
    case 'cut':
      note(`${item.id}: cut ${sent.afterDot ? 'after' : 'before'} the dot: ${sent.reason}`);
      if (sent.afterDot) tally.cutAfterDot += 1;
      else tally.cutBeforeDot += 1;
      if (sent.afterDot && !item.ambiguous) tally.ambiguous.push(open.get(item) ?? -1);
      item.ambiguous ||= sent.afterDot;
      again(item);
      return false;
    case 'ended':
      ended(sent);
      item.due = 0;
      queues.get(item.from)?.unshift(item);
      return false;
  }
}

async function stays(session: Session, command: 'NOOP' | 'RSET'): Promise<boolean> {
  const answer = await session.say(command);
  if (answer === undefined) return true;
  if (answer.kind === 'ended') ended(answer);
  else heard(answer, command);
  return false;
}

/** An answer to a command that nothing but a server at its end may refuse. */
function heard({ code, reply }: Refusal, command: string): void {
  note(`${command}: ${reply}`);
  count(code >= 500 ? tally.permanent : tally.transient, code);
}

async function rest(session: Session, { ms, command }: ReturnType<Habit['idle']>): Promise<boolean> {
  await wait(ms, undefined, { signal: end.signal }).catch(() => {});
  return command === undefined || end.signal.aborted || (await stays(session, command));
}

async function lane(address: string, habit: Habit): Promise<void> {
  const queue = queues.get(address) ?? [];
  let session: Session | undefined;
  let messages = 0;
  while (!(end.signal.aborted && open.size === 0) && Date.now() < deadline) {
    const item = nextDue(queue);
    if (item === undefined) {
      await wait(IDLE_MS);
      continue;
    }
    if (session === undefined) {
      session = await connection(address, item);
      messages = 0;
      if (session === undefined) continue;
    }
    const number = open.get(item) ?? 0;
    const [overMs, pipelined] = [habit.overMs(number), habit.pipelines(number)];
    const sent = await session.send({ ...item, content: contentOf(item), overMs, pipelined });
    messages += 1;
    let goesOn = await settle(item, sent, session, overMs >= LASTING_MS);
    if (goesOn && messages >= habit.messagesPerConnection) await session.quit();
    else if (goesOn) goesOn = await rest(session, habit.idle(messages));
    if (goesOn && messages < habit.messagesPerConnection) continue;
    session.destroy();
    session = undefined;
  }
  await session?.quit();
}

process.stdin.resume().once('end', () => {
  deadline = Date.now() + PATIENCE_MS;
  end.abort();
});
const progress = setInterval(() => say({ accepted: tally.accepted, waiting: open.size }), 250);
const lanes = [TENANT_CLIENT, WORLD_CLIENT, WORLD_CLIENT].flatMap((address) =>
  habits.map((habit) => lane(address, habit)),
);
await Promise.all([generate(), ...lanes]);
clearInterval(progress);
tally.unaccepted.push(...open.values());
say({ tally });
