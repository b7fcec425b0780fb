/** A next hop that answers as its script says, rightly or not, and remembers every octet it was sent. */

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

/** Put at the end of an answer: the peer closes behind it. */
export const CLOSE = '<close>';
/** Instead of an answer. */
export const SILENCE = '';

/** An answer a time the command is said on a connection; the last one for all later times. Without the final CRLF. */
type Answer = string | readonly string[];
/** An answer an address, without angle brackets. */
type AnswerByAddress = (forwardPath: string) => string;

export interface Script {
  readonly greeting?: string;
  readonly EHLO?: Answer;
  readonly HELO?: Answer;
  readonly STARTTLS?: Answer;
  readonly AUTH?: Answer;
  readonly MAIL?: Answer;
  readonly RCPT?: Answer | AnswerByAddress;
  readonly DATA?: Answer;
  /** After the final dot. */
  readonly content?: Answer;
  readonly RSET?: Answer;
  /** Reads nothing more after 354. */
  readonly stalls?: boolean;
  /** Said as soon as the content has begun, before its end. */
  readonly early?: string;
  /** What follows a 220 to STARTTLS. */
  readonly certificate?: { readonly certificate: string; readonly key: string };
}

export const OFFERS = '250-peer.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 1000000';

const ORDINARY = {
  greeting: '220 peer.example',
  EHLO: OFFERS,
  HELO: '250 peer.example',
  STARTTLS: '502 5.5.1 no',
  AUTH: '235 2.7.0 ok',
  MAIL: '250 2.1.0 ok',
  RCPT: '250 2.1.5 ok',
  DATA: '354 go on',
  content: '250 2.0.0 taken',
  RSET: '250 2.0.0 ok',
};

export interface Conversation {
  /** Commands as they came, without CRLF. */
  readonly commands: string[];
  /** What came between 354 and the final dot, the dot included. */
  readonly contents: string[];
  /** Every content with whom the peer had taken it for and what it said to the dot. */
  readonly transactions: {
    readonly recipients: readonly string[];
    readonly content: string;
    readonly answer: string;
  }[];
  /** What each read from the network held: one write of a few octets is one read here. */
  readonly reads: string[];
  readonly tls: TLSSocket | undefined;
  closed: boolean;
  /** Says something unasked. */
  say(text: string): void;
  close(): void;
}

export interface ScriptedPeer {
  readonly port: number;
  readonly conversations: readonly Conversation[];
  /** Resolves as soon as `look` is true of what has happened. */
  until(look: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

/** Connection n plays script n; all further ones the last. */
export function startPeer(...scripts: readonly Script[]): Promise<ScriptedPeer> {
  return startPeerAt('127.0.0.1', 0, scripts);
}

export async function startPeerAt(host: string, at: number, scripts: readonly Script[]): Promise<ScriptedPeer> {
  const conversations: PeerConversation[] = [];
  const sockets = new Set<Socket>();
  const watchers = new Set<() => void>();
  const happened = () => {
    for (const watcher of [...watchers]) watcher();
  };
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const script = scripts[Math.min(conversations.length, scripts.length - 1)] ?? {};
    conversations.push(new PeerConversation(socket, script, happened));
    happened();
  });
  server.listen(at, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the peer has no port');
  return {
    port: address.port,
    conversations,
    until: (look) =>
      new Promise((resolve) => {
        const watcher = () => {
          if (!look()) return;
          watchers.delete(watcher);
          resolve();
        };
        watchers.add(watcher);
        watcher();
      }),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class PeerConversation implements Conversation {
  readonly commands: string[] = [];
  readonly contents: string[] = [];
  readonly transactions: Conversation['transactions'] = [];
  readonly reads: string[] = [];
  closed = false;
  tls: TLSSocket | undefined;
  #socket: Socket;
  readonly #script: Script;
  readonly #happened: () => void;
  #input = '';
  #inContent = false;
  #recipients: string[] = [];
  #closing = false;
  #early: string | undefined;
  readonly #times = new Map<string, number>();

  constructor(socket: Socket, script: Script, happened: () => void) {
    this.#socket = socket;
    this.#script = script;
    this.#happened = happened;
    this.#listen(socket);
    this.#answer('greeting');
  }

  say(text: string): void {
    this.#socket.write(Buffer.from(text, 'utf8'));
  }

  close(): void {
    this.#closing = true;
    this.#socket.end();
  }

  #listen(socket: Socket): void {
    socket.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      this.reads.push(text);
      this.#input += text;
      this.#read();
      this.#happened();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#happened();
    });
  }

  #read(): void {
    while (!this.#closing) {
      if (this.#inContent) {
        if (this.#early !== undefined && this.#input !== '') this.say(`${this.#early}\r\n`);
        if (this.#input !== '') this.#early = undefined;
        const whole = /^(?:[^]*?\r\n)?\.\r\n/.exec(this.#input);
        if (whole === null) return;
        this.#input = this.#input.slice(whole[0].length);
        this.contents.push(whole[0]);
        this.#inContent = false;
        const answer = this.#answer('content');
        this.transactions.push({ recipients: this.#recipients, content: whole[0], answer });
        continue;
      }
      const end = this.#input.indexOf('\r\n');
      if (end < 0) return;
      const line = this.#input.slice(0, end);
      this.#input = this.#input.slice(end + 2);
      this.commands.push(line);
      this.#command(line);
    }
  }

  #command(line: string): void {
    const verb = line.split(' ')[0] ?? '';
    if (verb === 'QUIT') {
      this.say('221 bye\r\n');
      this.close();
      return;
    }
    const answer = this.#answer(verb in ORDINARY ? (verb as keyof typeof ORDINARY) : 'HELO', line);
    if (verb === 'MAIL') this.#recipients = [];
    if (verb === 'RCPT' && answer.startsWith('25')) this.#recipients.push(forwardPathOf(line));
    if (verb === 'DATA' && answer.startsWith('354')) {
      this.#inContent = true;
      this.#early = this.#script.early;
      if (this.#script.stalls === true) this.#socket.pause();
    }
    if (verb === 'STARTTLS' && answer.startsWith('220') && this.#script.certificate !== undefined) {
      const { certificate, key } = this.#script.certificate;
      this.#socket.removeAllListeners('data');
      const secureContext = createSecureContext({ cert: certificate, key });
      this.tls = new TLSSocket(this.#socket, { isServer: true, secureContext });
      this.#socket = this.tls;
      this.#listen(this.tls);
    }
  }

  #answer(verb: keyof typeof ORDINARY, line = ''): string {
    const said = this.#script[verb] ?? ORDINARY[verb];
    const scripted: Answer = typeof said === 'function' ? said(forwardPathOf(line)) : said;
    const time = this.#times.get(verb) ?? 0;
    this.#times.set(verb, time + 1);
    const answer = typeof scripted === 'string' ? scripted : (scripted[Math.min(time, scripted.length - 1)] ?? SILENCE);
    const text = answer.endsWith(CLOSE) ? answer.slice(0, -CLOSE.length) : answer;
    if (text !== '') this.say(`${text}\r\n`);
    if (answer.endsWith(CLOSE)) this.close();
    return answer;
  }
}

function forwardPathOf(line: string): string {
  return line.slice('RCPT TO:<'.length, -1);
}
