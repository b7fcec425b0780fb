/** The order of one SMTP conversation (RFC 5321 §4.1.4): command lines in, replies out, the session asked in between. */

import type { LimitsConfig } from '../core/config.ts';
import type { MailParameters } from '../core/envelope.ts';
import { isSuccess, type Reply, reply } from '../core/reply.ts';
import type { ConnectedClient } from './client.ts';
import { parseHelo, parseMail, parseRecipient } from './command.ts';
import type { IncomingContent } from './incoming-content.ts';
import type { SmtpSession } from './session.ts';

export interface Answer {
  readonly reply: Reply;
  /** What the front does once the reply is out. */
  readonly then?: 'close' | 'startTls' | 'content';
}

export interface Surroundings {
  hostname(): string;
  limits(): LimitsConfig;
  /** Whether STARTTLS can be offered at all. */
  hasCertificate(): boolean;
  failed(error: unknown): void;
  /** The client's address is that of many others: known from its certificate, so not before TLS. */
  addressIsShared(): void;
}

/** A client with so many malformed commands in a row without a message is no mail system. */
const ERRORS = 10;
/** NOOP, RSET, HELO, refused MAIL and the like between two messages; more keep a connection busy without using it. */
const IDLE_COMMANDS = 100;

const BAD_SEQUENCE = '5.5.1';
const NO_ARGUMENT = reply(501, '5.5.4', 'This command takes no argument');
const NOT_IMPLEMENTED = reply(502, BAD_SEQUENCE, 'Command not implemented');
const INTERNAL_ERROR = reply(451, '4.3.0', 'Internal error, try again later');
/** Standardised somewhere, known, not offered. */
const UNOFFERED = new Set('AUTH BDAT BURL ETRN EXPN SEND SOML SAML TURN ATRN XCLIENT XFORWARD LHLO'.split(' '));
/** HTTP and others: a browser or a proxy that was tricked into speaking to us; answering line by line would help the trick. */
const OTHER_PROTOCOLS = new Set('GET HEAD POST PUT DELETE OPTIONS CONNECT TRACE PATCH USER'.split(' '));

/** Those that have an answer of their own. */
export const VERBS: ReadonlySet<string> = new Set(
  'MAIL RCPT DATA EHLO HELO STARTTLS QUIT RSET NOOP HELP VRFY'.split(' '),
);

export class Conversation {
  readonly #session: SmtpSession;
  readonly #client: ConnectedClient;
  readonly #surroundings: Surroundings;
  /** Of the open transaction. */
  #mail: MailParameters | undefined;
  #requested = 0;
  #accepted = 0;
  #errors = 0;
  #idle = 0;

  constructor(session: SmtpSession, client: ConnectedClient, surroundings: Surroundings) {
    this.#session = session;
    this.#client = client;
    this.#surroundings = surroundings;
  }

  get inTransaction(): boolean {
    return this.#mail !== undefined;
  }

  command(verb: string, argument: string): Answer | Promise<Answer> {
    switch (verb) {
      case 'MAIL':
        return this.#forward(this.#mailCommand(argument));
      case 'RCPT':
        return this.#forward(this.#recipientCommand(argument));
      case 'DATA':
        return this.#data(argument);
      case 'EHLO':
      case 'HELO':
        return this.#hello(verb === 'EHLO', argument);
      case 'STARTTLS':
        return this.#startTls(argument);
      case 'QUIT':
        return { reply: reply(221, '2.0.0', 'Bye'), then: 'close' };
      case 'RSET':
        if (argument !== '') return this.#refuse(NO_ARGUMENT);
        this.#reset();
        return this.#idleReply(reply(250, '2.0.0', 'OK'));
      case 'NOOP':
        return this.#idleReply(reply(250, '2.0.0', 'OK'));
      case 'HELP':
        return this.#idleReply(reply(214, '2.0.0', 'See RFC 5321'));
      case 'VRFY':
        if (argument === '') return this.#refuse(reply(501, '5.5.4', 'Syntax: VRFY address'));
        // RFC 5321 §3.5.3: no address is ever confirmed here.
        return this.#idleReply(reply(252, '2.0.0', 'Cannot verify; send mail to find out'));
      default:
        return this.#unknown(verb);
    }
  }

  /** The session has thrown: temporary for the client. */
  broken(error: unknown): Answer {
    this.#surroundings.failed(error);
    return { reply: INTERNAL_ERROR };
  }

  /** After TLS is established: RFC 3207 §4.2, everything heard before is forgotten. */
  forget(): void {
    this.#client.heloName = '';
    this.#client.extended = false;
    this.#reset();
  }

  /** The answer to the content, once the final dot has come and the session has decided. */
  async content(content: IncomingContent, complete: Promise<void>): Promise<Reply> {
    let answer: Reply;
    try {
      answer = final(await this.#session.data(content.stream));
    } catch (error) {
      this.#surroundings.failed(error);
      answer = INTERNAL_ERROR;
    }
    content.drain();
    await complete;
    this.#errors = 0;
    this.#idle = 0;
    this.#reset();
    return content.refusal?.reply ?? answer;
  }

  #hello(extended: boolean, argument: string): Answer {
    const name = parseHelo(argument);
    if (!name.ok) return this.#refuse(name.reply);
    this.#client.heloName = name.value;
    this.#client.extended = extended;
    this.#reset();
    const { hostname, limits, hasCertificate } = this.#surroundings;
    if (!extended) return this.#idleReply(reply(250, undefined, hostname()));
    const { messageBytes, recipientsPerMessage } = limits();
    const lines = [
      hostname(),
      'PIPELINING',
      `SIZE ${messageBytes}`,
      '8BITMIME',
      'SMTPUTF8',
      'ENHANCEDSTATUSCODES',
      `LIMITS RCPTMAX=${recipientsPerMessage}`,
    ];
    if (this.#client.tls === undefined && hasCertificate()) lines.push('STARTTLS');
    if (this.#takesOrganization()) {
      lines.push('XOORG');
      this.#surroundings.addressIsShared();
    }
    return this.#idleReply(reply(250, undefined, lines.join('\n')));
  }

  /** Never in clear text: the certificate that allows it is shown in TLS. */
  #takesOrganization(): boolean {
    return this.#client.tls !== undefined && this.#session.offersOrganization?.() === true;
  }

  #startTls(argument: string): Answer {
    if (this.#client.tls !== undefined) return this.#refuse(reply(503, BAD_SEQUENCE, 'TLS is already active'));
    if (!this.#surroundings.hasCertificate()) return this.#refuse(NOT_IMPLEMENTED);
    if (argument !== '') return this.#refuse(NO_ARGUMENT);
    return { reply: reply(220, '2.0.0', 'Ready to start TLS'), then: 'startTls' };
  }

  #mailCommand(argument: string): Reply | Promise<Reply> {
    if (this.#client.heloName === '') return this.#wrong(reply(503, BAD_SEQUENCE, 'Send EHLO first'));
    if (this.#mail !== undefined) return this.#wrong(reply(503, BAD_SEQUENCE, 'A transaction is already open'));
    const parsed = parseMail(argument, this.#takesOrganization());
    if (!parsed.ok) return this.#wrong(parsed.reply);
    const { reversePath, parameters, organization } = parsed.value;
    // RFC 1870 §6.1.
    if ((parameters.size ?? 0) > this.#surroundings.limits().messageBytes)
      return reply(552, '5.3.4', 'Message too big');
    return this.#whenAnswered(this.#session.mail(reversePath, parameters, organization), (accepted) => {
      if (accepted) this.#mail = parameters;
      else this.#idle++;
    });
  }

  #recipientCommand(argument: string): Reply | Promise<Reply> {
    if (this.#mail === undefined) return this.#wrong(reply(503, BAD_SEQUENCE, 'Send MAIL first'));
    const forwardPath = parseRecipient(argument, this.#mail.smtputf8 === true);
    if (!forwardPath.ok) return this.#wrong(forwardPath.reply);
    // Refused ones count: each has cost an answer (RFC 9422 §3, RCPTMAX).
    if (this.#requested >= this.#surroundings.limits().recipientsPerMessage) {
      return reply(452, '4.5.3', 'Too many recipients');
    }
    this.#requested++;
    return this.#whenAnswered(this.#session.recipient(forwardPath.value), (accepted) => {
      if (accepted) this.#accepted++;
    });
  }

  #data(argument: string): Answer {
    if (this.#mail === undefined) return this.#refuse(reply(503, BAD_SEQUENCE, 'Send MAIL first'));
    if (argument !== '') return this.#refuse(NO_ARGUMENT);
    // RFC 5321 §3.3 allows 503 as well as 554; a client that pipelines has its answers from RCPT.
    const nobody = reply(503, BAD_SEQUENCE, 'No valid recipients');
    // Sent before it knew that they are refused (RFC 2920 §3.1): no mistake of its.
    if (this.#accepted === 0) return this.#requested > 0 ? this.#idleReply(nobody) : this.#refuse(nobody);
    return { reply: reply(354, undefined, 'End with a dot on a line of its own'), then: 'content' };
  }

  #unknown(verb: string): Answer {
    if (OTHER_PROTOCOLS.has(verb)) {
      return { reply: reply(421, '4.7.0', 'This is an SMTP server'), then: 'close' };
    }
    if (UNOFFERED.has(verb)) return this.#refuse(NOT_IMPLEMENTED);
    return this.#refuse(reply(500, '5.5.2', 'Command not recognized'));
  }

  #reset(): void {
    this.#mail = undefined;
    this.#requested = 0;
    this.#accepted = 0;
    this.#session.reset();
  }

  #whenAnswered(answer: Reply | Promise<Reply>, then: (accepted: boolean) => void): Reply | Promise<Reply> {
    if (answer instanceof Promise) return answer.then((value) => this.#whenAnswered(value, then));
    const checked = final(answer);
    then(isSuccess(checked));
    return checked;
  }

  #forward(answer: Reply | Promise<Reply>): Answer | Promise<Answer> {
    if (!(answer instanceof Promise)) return this.#withErrors(answer);
    return answer.then(
      (value) => this.#withErrors(value),
      (error: unknown) => this.broken(error),
    );
  }

  #wrong(answer: Reply): Reply {
    this.#errors++;
    return answer;
  }

  #refuse(answer: Reply): Answer {
    return this.#withErrors(this.#wrong(answer));
  }

  #idleReply(answer: Reply): Answer {
    this.#idle++;
    return this.#withErrors(answer);
  }

  #withErrors(answer: Reply): Answer {
    if (answer.code === 421) return { reply: answer, then: 'close' };
    if (this.#errors < ERRORS && this.#idle < IDLE_COMMANDS) return { reply: answer };
    return { reply: reply(421, '4.7.0', 'Too many errors or idle commands'), then: 'close' };
  }
}

/** A session may only say what RFC 5321 allows at this place; anything else would confuse the client's state. */
function final(answer: Reply): Reply {
  const kind = Math.floor(answer.code / 100);
  return kind === 2 || kind === 4 || kind === 5 ? answer : INTERNAL_ERROR;
}
