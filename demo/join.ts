/** Lets a tenant join while the relay runs, and watches whether anybody else notices. */

import { setTimeout as wait } from 'node:timers/promises';
import type { Joining } from './act.ts';
import { compose } from './message.ts';
import type { Stage } from './play.ts';
import { connect } from './sending.ts';

/** The relay takes 600 messages a minute from one client; a change that takes seconds must not use them up. */
const PAUSE_MS = 10;

export interface Joined {
  readonly note: string;
  readonly failures: readonly string[];
}

export async function join({ manifests, meanwhile }: Joining, stage: Stage): Promise<Joined> {
  const { sender, mail, at } = meanwhile;
  const message = await compose(mail);
  const origin = stage.senders[sender];
  const system = stage.systems[at];
  if (origin === undefined || system === undefined) throw new Error(`nobody plays ${sender} or ${at}`);
  const before = system.arrivals.length;
  const conversation = await connect(origin);
  const replies: string[] = [];
  const write = async () => {
    replies.push((await conversation.send(mail, mail.forwardPaths, message)).reply);
  };
  // The connection, and a message on it, are older than the manifests; the last message is younger than their effect.
  await write();
  const change = { done: false };
  const changed = stage.addManifests(manifests).finally(() => {
    change.done = true;
  });
  changed.catch(() => {});
  while (!change.done) {
    await write();
    await wait(PAUSE_MS);
  }
  await write();
  conversation.quit();
  const milliseconds = Math.round(await changed);
  const arrived = system.arrivals.length - before;
  return {
    note:
      `In force ${milliseconds} ms after the manifests were written. Meanwhile: ` +
      `${replies.length} other messages on one connection, ${arrived} delivered.`,
    failures: replies
      .filter((reply) => !reply.startsWith('250 '))
      .map((reply) => `Somebody else was interrupted, and heard "${reply}".`)
      .concat(arrived === replies.length ? [] : [`Of ${replies.length} other messages ${arrived} arrived.`]),
  };
}
