/** How sending mail systems differ: how long they keep a session, how fast they are in it, and what they do between messages. */

import { UNREADY_SECONDS } from '../../../relay/core/pod-status.ts';
import type { LoadSettings } from './load.ts';
import { DRAIN_SECONDS, LAME_DUCK_SECONDS } from './resources.ts';

export interface Habit {
  readonly messagesPerConnection: number;
  /** That its content takes, by the number of the message. */
  overMs(number: number): number;
  pipelines(number: number): boolean;
  /** How long it says nothing after its message number so-and-so of the session, and what it then says to stay. */
  idle(message: number): { readonly ms: number; readonly command?: 'NOOP' | 'RSET' };
}

/** Every tenth of those in a hurry is on a slow line, so that there always is somebody in the middle of a message. */
const SLOW_EVERY = 10;
const SLOW_MS = 400;
/** From before a pod is told to end until after it takes no more connections; not as long as it then waits for a final dot. */
export const LASTING_MS = 18_000;
if (LASTING_MS < (LAME_DUCK_SECONDS + UNREADY_SECONDS) * 1300 || LASTING_MS > DRAIN_SECONDS * 750)
  throw new Error('a lasting message is not as long as the fleet of the test makes it interesting');

/** A few messages and gone: most servers of the internet. */
const hurried = ({ rate, messagesPerConnection }: LoadSettings): Habit => ({
  messagesPerConnection,
  overMs: (number) => (rate > 0 && number % SLOW_EVERY === 0 ? SLOW_MS : 0),
  pipelines: () => false,
  idle: () => ({ ms: 0 }),
});

const IDLE = [
  ...[{ ms: 4000 }, { ms: 11_000, command: 'NOOP' }, { ms: 300 }, { ms: 25_000 }],
  ...[{ ms: 7000, command: 'RSET' }, { ms: 0 }, { ms: 18_000, command: 'NOOP' }],
] as const;

/** Keeps its session for as long as there may be mail, as Exchange Online and Postfix do. */
const keeping: Habit = {
  messagesPerConnection: Number.POSITIVE_INFINITY,
  overMs: () => 0,
  pipelines: (number) => number % 2 === 0,
  idle: (message) => IDLE[message % IDLE.length] ?? { ms: 0 },
};

/** As it, with messages that take longer than a pod takes connections after it was told to end. */
const lasting: Habit = { ...keeping, overMs: () => LASTING_MS, idle: () => ({ ms: 0 }) };

/** One for each connection of tenant 1, and two of the internet. */
export const habitsOf = (settings: LoadSettings): readonly Habit[] => [
  ...Array.from({ length: settings.lanes }, () => hurried(settings)),
  ...Array.from({ length: settings.keeping }, () => keeping),
  ...Array.from({ length: settings.lasting }, () => lasting),
];
