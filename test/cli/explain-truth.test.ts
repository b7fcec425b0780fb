/** What `isthmus explain` says and what the relay does, side by side: every reply, every reverse-path, every header field. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer } from '../../cli/explain.ts';
import { type ExplainCommand, parseExplainCommand } from '../../cli/explain-options.ts';
import { type ScriptedPeer, startPeer } from '../relay/next-hop/scripted-peer.ts';
import { type Isthmus, startIsthmus } from '../support/isthmus.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { ROOT } from '../support/test-files.ts';
import { FROM, twoTenants } from '../support/two-tenants.ts';

const CASES = join(ROOT, 'test/cases/explain');
const CLIENTS = Object.keys(FROM) as (keyof typeof FROM)[];
const SENDERS = ['', 'john@tenant1.example', 'mary@tenant2.example', 'x@world.example', 'jane@eu.tenant1.example'];
const RECIPIENTS = [
  ['john@shared.example'],
  ['mary@shared.example', 'john+tag@shared.example'],
  ['sales@shared.example', 'john@shared.example'],
  ['x@world.example', 'y@else.example'],
  ['x@partner.example', 'x@world.example'],
  ['john@tenant1.example'],
  ['postmaster', 'POSTMASTER@shared.example', 'broken@'],
];

interface Story {
  readonly sender: { readonly reply: string; readonly goesOutAs?: string };
  readonly recipients: readonly { readonly reply: string; readonly goesOutAs?: string; readonly accepted: boolean }[];
  readonly message?: { readonly reply: string; readonly header: readonly { change: string; text: string }[] };
}

let peers: readonly ScriptedPeer[];
let relay: Isthmus;
const manifests = mkdtempSync(join(tmpdir(), 'isthmus-truth-'));
const message = readFileSync(join(CASES, 'mail.eml'));

beforeAll(async () => {
  peers = [await startPeer(), await startPeer(), await startPeer()];
  const [tenant1 = 0, tenant2 = 0, world = 0] = peers.map(({ port }) => port);
  const rules = readFileSync(join(CASES, 'conditions/rules.yaml'), 'utf8');
  const files = { ...twoTenants({ tenant1, tenant2, world }), 'rules.yaml': rules };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(manifests, name), text);
  relay = await startIsthmus({ manifests: files });
});
afterAll(async () => {
  await relay?.stop();
  await Promise.all((peers ?? []).map((peer) => peer.stop()));
  rmSync(manifests, { recursive: true, force: true });
});

async function told(address: string, from: string, to: readonly string[]): Promise<Story> {
  const recipients = to.flatMap((one) => ['--to', one]);
  const args = ['--manifests', manifests, '--client', address, '--from', from, ...recipients, '--output', 'json'];
  const command = parseExplainCommand([...args, join(CASES, 'mail.eml')]);
  return JSON.parse((await answer(command as ExplainCommand)).text) as Story;
}

interface Done {
  readonly replies: readonly string[];
  /** What the next hop heard: its commands, and the header. */
  readonly commands: readonly string[];
  readonly header: string | undefined;
}

async function done(address: string, from: string, to: readonly string[]): Promise<Done> {
  const before = conversations().map(({ commands, contents }) => [commands.length, contents.length] as const);
  const client = await RawSmtp.greeted(relay.host, relay.port, { localAddress: address });
  try {
    const replies = [(await client.command(`MAIL FROM:<${from}>`)).text];
    for (const one of to) replies.push((await client.command(`RCPT TO:<${one}>`)).text);
    if (replies.slice(1).some((text) => text.startsWith('250'))) {
      replies.push((await client.data(message.toString('latin1').replaceAll('\n', '\r\n'))).text);
    }
    await client.quit();
    const news = conversations().map(({ commands, contents }, index) => ({
      commands: commands.slice(before[index]?.[0] ?? 0),
      contents: contents.slice(before[index]?.[1] ?? 0),
    }));
    const content = news.flatMap(({ contents }) => contents)[0];
    return {
      replies,
      commands: news.flatMap(({ commands }) => commands),
      header: content?.slice(0, content.indexOf('\r\n\r\n')),
    };
  } finally {
    client.destroy();
  }
}

const conversations = () => peers.flatMap((peer) => [...peer.conversations]);

/** Queue ids, what a client calls itself, and the key of trace fields are each one's own. */
const withoutIds = (text: string) => text.replace(/OK \S+ delivered/, 'OK delivered');
const withoutTrace = (header: string) =>
  header.replace(/^Received: .*(?:\r\n[ \t].*)*\r\n/, '').replace(/^(X-Isthmus-Trace: .*) k=.*\r\n h=.*/, '$1');

const QUESTIONS = CLIENTS.flatMap((client) =>
  SENDERS.flatMap((from) => RECIPIENTS.map((to) => [client, from, to] as const)),
);

describe('the story is true', () => {
  it.each(QUESTIONS)('of %s, from <%s>, to %j', async (client, from, to) => {
    const story = await told(FROM[client], from, to);
    const truth = await done(FROM[client], from, to);
    const { sender, recipients } = story;
    const replies = [sender, ...recipients, ...(story.message === undefined ? [] : [story.message])];
    expect(replies.map(({ reply }) => withoutIds(reply))).toEqual(truth.replies.map(withoutIds));
    const accepted = recipients.filter((one) => one.accepted).map(({ goesOutAs }) => `RCPT TO:<${goesOutAs}>`);
    const said = truth.commands.filter((command) => command.startsWith('RCPT '));
    expect([...new Set(accepted)]).toEqual([...new Set(said)]);
    const mail = truth.commands
      .filter((command) => command.startsWith('MAIL '))
      .map((command) => command.split(' ', 2)[1]);
    expect(mail).toEqual(sender.goesOutAs === undefined ? [] : [`FROM:<${sender.goesOutAs}>`]);
    const kept = (story.message?.header ?? []).filter(({ change }) => change !== 'Removed').map(({ text }) => text);
    expect(withoutTrace(kept.join('\r\n'))).toBe(withoutTrace(truth.header ?? ''));
  });
});
