/** Plays moves against a relay, holds every reply against the model, and what next hops have got against what clients have heard. */

import { setImmediate as turn } from 'node:timers/promises';
import type { ExchangeCertificates } from '../relay/exchange-world.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { type Ledger, Model } from './smtp-model.ts';
import type { From, Move } from './smtp-moves.ts';
import { codesWithoutDelivery, type ContentDue } from './smtp-rules.ts';
import {
  conversationsOf,
  EXCHANGE_ADDRESS,
  type SmtpWorld,
  smtpWorld,
  STRANGER_ADDRESS,
  TENANT_ADDRESS,
} from './smtp-world.ts';

export interface Played {
  /** Commands and contents that were sent. */
  readonly steps: number;
  readonly delivered: number;
  readonly broken: string | undefined;
  readonly dialog: readonly string[];
}

interface Connection {
  readonly from: From;
  readonly client: RawSmtp;
  readonly model: Model;
}

class Broken extends Error {}

const ADDRESSES = { stranger: STRANGER_ADDRESS, tenant: TENANT_ADDRESS, exchange: EXCHANGE_ADDRESS };
/** What is closed is known to the relay some turns later; far more than it ever takes. */
const PATIENCE_MS = 10_000;
/** Its number has four digits, so that a damaged one is no other message's. */
const OUR_CONTENT =
  /^(?:From: <[^>\r\n]*>\r\n)(?:X-MS-Exchange-CrossTenant-Id: [^\s]+\r\n)*X-Fuzz: (m\d+\.\d{4})\r\n\r\n/;

export async function play(certificates: ExchangeCertificates, seed: number, moves: readonly Move[]): Promise<Played> {
  const world = await smtpWorld(certificates, seed);
  const player = new Player(world, certificates);
  let broken: string | undefined;
  try {
    for (const move of moves) await player.move(move);
    await player.end();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    broken = error instanceof Broken ? error.message : (error.stack ?? error.message);
  }
  const { steps, delivered, dialog } = player;
  player.leave();
  await world.stop();
  return { steps, delivered, broken, dialog };
}

class Player {
  steps = 0;
  delivered = 0;
  readonly dialog: string[] = [];
  readonly #world: SmtpWorld;
  readonly #certificates: ExchangeCertificates;
  readonly #connections = new Map<number, Connection>();
  readonly #ledger: Ledger = { untold: new Set(), asked: new Set() };
  /** Messages whose final dot was sent, and whether the client heard 250; undefined: it heard nothing. */
  readonly #messages = new Map<string, boolean | undefined>();

  constructor(world: SmtpWorld, certificates: ExchangeCertificates) {
    this.#world = world;
    this.#certificates = certificates;
  }

  async move(move: Move): Promise<void> {
    const at = this.#connections.get(move.connection);
    if (move.does === 'open') {
      if (at === undefined) await this.#open(move.connection, move.from);
      return;
    }
    if (at === undefined) return;
    switch (move.does) {
      case 'drop':
        this.#say(move.connection, 'leaves');
        return this.#drop(move.connection, at);
      case 'secure':
        return this.#secure(move.connection, at, move.certificate);
      case 'send':
        if (move.asContent === true && !at.model.inContent) return;
        for (const [nth, part] of move.parts.entries()) {
          if (nth > 0) await turn();
          this.#say(move.connection, `C: ${JSON.stringify(part.length > 2000 ? `${part.slice(0, 2000)}…` : part)}`);
          at.model.send(part);
          at.client.write(part);
        }
        if (move.waits) await this.#listen(move.connection, at);
    }
  }

  /** All say QUIT or leave; then nothing may be left open, and the relay must still answer. */
  async end(): Promise<void> {
    for (const [nth, at] of [...this.#connections]) {
      await this.#listen(nth, at);
      if (this.#connections.get(nth) !== at) continue;
      if (at.model.isBetweenLines) await this.move({ connection: nth, does: 'send', parts: ['QUIT\r\n'], waits: true });
      else this.#drop(nth, at);
    }
    await this.#until(() => Object.values(this.#world.open()).every((open) => open === 0));
    if ((await this.#world.metric('isthmus_smtp_connections')) !== 0) throw new Broken('connections are still counted');
    const last = await RawSmtp.greeted('127.0.0.1', this.#world.port, { localAddress: STRANGER_ADDRESS });
    if ((await last.quit()).code !== 221) throw new Broken('the relay does not answer any more');
    this.#holdAgainstNextHops();
  }

  leave(): void {
    for (const { client } of this.#connections.values()) client.destroy();
  }

  async #open(nth: number, from: From): Promise<void> {
    this.#say(nth, `connects as ${from}`);
    const client = await RawSmtp.open('127.0.0.1', this.#world.port, { localAddress: ADDRESSES[from] });
    const greeting = await client.read();
    if (greeting.code !== 220) throw new Broken(`${greeting.text} as the greeting`);
    const model = new Model(from === 'tenant' ? 'tenant' : 'internet', this.#ledger);
    this.#connections.set(nth, { from, client, model });
  }

  async #secure(nth: number, at: Connection, certificate: boolean): Promise<void> {
    await this.#listen(nth, at);
    if (this.#connections.get(nth) !== at || at.model.tls || !at.model.isBetweenLines) return;
    this.#say(nth, `STARTTLS, with ${certificate ? "Exchange Online's" : 'no'} certificate`);
    const shown = certificate ? this.#certificates.identities['Exchange Online'] : undefined;
    const more = shown === undefined ? {} : { cert: shown.certificate, key: shown.key };
    const reply = await at.client.startTls({ rejectUnauthorized: false, ...more });
    this.steps++;
    if (reply.code !== 250) throw new Broken(`${reply.text} in answer to STARTTLS and EHLO`);
    const offered = reply.lines.includes('XOORG');
    const candidate = at.from === 'exchange' && certificate;
    if (offered !== candidate) throw new Broken(`XOORG is ${offered ? '' : 'not '}offered`);
    at.model.secured(candidate ? 'candidate' : at.model.client);
  }

  async #listen(nth: number, at: Connection): Promise<void> {
    for (let next = at.model.next(); next !== undefined; next = at.model.next()) {
      this.steps++;
      let code: number;
      try {
        const reply = await at.client.read();
        code = reply.code;
        this.#say(nth, `S: ${reply.text}`);
      } catch (error) {
        if (!at.model.mayHaveEnded()) throw error;
        return this.#drop(nth, at);
      }
      const broken = at.model.heard(next, code);
      if (broken !== undefined) throw new Broken(`${JSON.stringify(next.text.slice(0, 300))}: ${broken}`);
      const { content } = at.model;
      at.model.content = undefined;
      if (content !== undefined) this.#judge(content, code);
      if (at.model.ended) {
        const unread = await at.client.closed();
        if (unread !== '') throw new Broken(`unasked: ${unread}`);
        return this.#drop(nth, at);
      }
    }
  }

  #judge(due: ContentDue, code: number): void {
    const id = OUR_CONTENT.exec(due.text)?.[1];
    const { transaction } = due;
    if (id === undefined) {
      // Damaged: nobody can say which message it was.
      for (const { tag } of transaction.taken) this.#ledger.asked.add(tag);
      return;
    }
    if (code === 250) this.delivered++;
    this.#messages.set(id, code === 250);
    const without = codesWithoutDelivery(due);
    if (without.proven) for (const { tag } of transaction.taken) this.#ledger.asked.add(tag);
    const got = this.#deliveries(id);
    const [one] = got;
    if (one === undefined) {
      if (without.codes.includes(code) || (transaction.murky && code >= 400)) return;
      throw new Broken(`${code} for ${id}, which no next hop was given; ${without.codes.join(' or ')} would be right`);
    }
    if (got.length > 1) throw new Broken(`${id} was given to next hops ${got.length} times`);
    if (without.final && !transaction.murky) throw new Broken(`${id} was given to a next hop before its proof`);
    const { answer, peer, content, recipients } = one;
    const right = answer.startsWith('250') ? 2 : /^5(?!50 5\.7\.64)/.test(answer) ? 5 : 4;
    if (Math.floor(code / 100) !== right) throw new Broken(`${code} for ${id}, to which the next hop said ${answer}`);
    if (afterHeader(content) !== afterHeader(due.text)) throw new Broken(`${id} has another body at the next hop`);
    if (transaction.murky) return;
    const wanted = transaction.taken.filter(({ person }) => transaction.provisional !== true || person !== 'gone');
    const expected = [...new Set(wanted.map(({ forwardPath }) => forwardPath))];
    if (peer !== wanted[0]?.peer || recipients.join() !== expected.join()) {
      throw new Broken(`${id} went to ${recipients.join()} at ${peer} instead of ${expected.join()}`);
    }
  }

  /** Reports about the message, which hold its header below their own, are messages of their own. */
  #deliveries(id: string) {
    return conversationsOf(this.#world).flatMap(({ peer, conversation }) =>
      conversation.transactions
        .filter(({ content }) => idOf(content) === id)
        .map((transaction) => ({ ...transaction, peer })),
    );
  }

  #holdAgainstNextHops(): void {
    const seen = new Set<string>();
    for (const { peer, conversation } of conversationsOf(this.#world)) {
      for (const command of conversation.commands) {
        const tag = /^RCPT TO:<[^@>]*\+(t\d+)@/.exec(command)?.[1];
        if (tag === undefined || !this.#ledger.untold.has(tag) || this.#ledger.asked.has(tag)) continue;
        throw new Broken(`${peer} heard ${command}, of whom nobody should hear`);
      }
      for (const { content } of conversation.transactions) {
        const id = idOf(content);
        if (id === undefined) continue;
        if (seen.has(id)) throw new Broken(`${id} was given to next hops twice`);
        seen.add(id);
      }
    }
  }

  #drop(nth: number, at: Connection): void {
    at.model.dropped();
    at.client.destroy();
    this.#connections.delete(nth);
  }

  async #until(look: () => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!look()) {
      if (Date.now() > deadline) throw new Broken(`something is left open: ${JSON.stringify(this.#world.open())}`);
      await turn();
    }
  }

  #say(nth: number, text: string): void {
    this.dialog.push(`${nth} ${text}`);
  }
}

function idOf(content: string): string | undefined {
  const [header = ''] = content.split('\r\n\r\n', 1);
  return /^X-Fuzz: (m\d+\.\d{4})\r?$/m.exec(header)?.[1];
}

/** Stuffed dots taken out, and every line end made CRLF, as the relay makes it. */
function afterHeader(content: string): string {
  const body = content.slice(content.indexOf('\r\n\r\n'), -'.\r\n'.length);
  return body.replaceAll('\r\n.', '\r\n').replaceAll(/\r\n|\r|\n/g, '\r\n');
}
