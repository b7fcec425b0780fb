/** Sessions for tests of the front: they write down what they are asked and answer as the address in question says. */

import type { Readable } from 'node:stream';
import type { LimitsConfig } from '../../../relay/core/config.ts';
import type { MailParameters, Path } from '../../../relay/core/envelope.ts';
import { type Reply, reply } from '../../../relay/core/reply.ts';
import type { FrontOptions } from '../../../relay/smtp/front.ts';
import type { ClientConnection, Sessions, SmtpSession } from '../../../relay/smtp/session.ts';

export const LIMITS: LimitsConfig = {
  messageBytes: 1_000_000,
  recipientsPerMessage: 5,
  headerBytes: 262_144,
  hops: 30,
  connections: 100,
  connectionsPerClient: 50,
  messagesPerMinutePerClient: 600,
  minimumBytesPerSecond: 500,
  commandTimeoutSeconds: 300,
  deliveryTimeoutSeconds: 270,
};

export interface Asked {
  readonly connection: ClientConnection;
  readonly heloName: string;
  reversePath: Path;
  parameters: MailParameters;
  recipients: Path[];
  content: Buffer;
}

export class RecordingSessions implements Sessions {
  readonly connections: ClientConnection[] = [];
  readonly messages: Asked[] = [];
  readonly failedUploads: unknown[] = [];
  closed = 0;
  resets = 0;
  /** What open() answers instead of a session. */
  refusal: Reply | undefined;
  wanted: (address: string) => boolean = () => false;
  /** Resolves when the answer after the final dot may go out. */
  beforeAnswer: () => Promise<void> = () => Promise.resolve();
  /** How the content is read. */
  read: (content: Readable) => Promise<Buffer> = async (content) => {
    const parts: Buffer[] = [];
    for await (const part of content) parts.push(part as Buffer);
    return Buffer.concat(parts);
  };

  open(connection: ClientConnection): SmtpSession | Reply {
    if (this.refusal !== undefined) return this.refusal;
    this.connections.push(connection);
    return new RecordingSession(this, connection);
  }

  wantsCertificate(address: string): boolean {
    return this.wanted(address);
  }
}

class RecordingSession implements SmtpSession {
  readonly #all: RecordingSessions;
  readonly #connection: ClientConnection;
  #asked: Asked | undefined;

  constructor(all: RecordingSessions, connection: ClientConnection) {
    this.#all = all;
    this.#connection = connection;
  }

  mail(reversePath: Path, parameters: MailParameters): Reply | Promise<Reply> {
    const { heloName } = this.#connection;
    this.#asked = {
      connection: this.#connection,
      heloName,
      reversePath,
      parameters,
      recipients: [],
      content: Buffer.alloc(0),
    };
    return dictated(reversePath) ?? reply(250, '2.1.0', 'OK');
  }

  recipient(forwardPath: Path): Reply | Promise<Reply> {
    const answer = dictated(forwardPath);
    if (answer !== undefined && answer.code !== 250) return Promise.resolve(answer);
    this.#asked?.recipients.push(forwardPath);
    return Promise.resolve(answer ?? reply(250, '2.1.5', 'OK'));
  }

  async data(content: Readable): Promise<Reply> {
    const asked = this.#asked as Asked;
    try {
      asked.content = await this.#all.read(content);
    } catch (error) {
      this.#all.failedUploads.push(error);
      return reply(451, '4.4.2', 'Content was cut');
    }
    await this.#all.beforeAnswer();
    this.#all.messages.push(asked);
    return /^Answer: (\d{3}) ([\d.]+) ([^\r]*)/m.test(asked.content.toString('latin1'))
      ? dictatedByContent(asked.content)
      : reply(250, '2.0.0', `Took ${asked.content.length} octets`);
  }

  reset(): void {
    this.#all.resets++;
    this.#asked = undefined;
  }

  closed(): void {
    this.#all.closed++;
  }
}

/** `<450-4.2.1@…>` is answered 450 4.2.1; `<boom@…>` breaks the session's promise. */
function dictated(path: Path): Reply | undefined {
  const localPart = path.mailbox?.localPart ?? '';
  if (localPart === 'boom') throw new Error('the session broke');
  const match = /^(\d{3})-([\d.]+)$/.exec(localPart);
  if (match === null) return undefined;
  return reply(Number(match[1]), match[2], 'As the address says\nin two lines');
}

function dictatedByContent(content: Buffer): Reply {
  const match = /^Answer: (\d{3}) ([\d.]+) ([^\r]*)/m.exec(content.toString('latin1')) as RegExpExecArray;
  return reply(Number(match[1]), match[2], match[3] as string);
}

export function frontOptions(sessions: Sessions, changed: Partial<LimitsConfig> = {}): FrontOptions {
  return {
    listen: [{ host: '127.0.0.1', port: 0 }],
    sessions,
    hostname: () => 'relay.example',
    limits: () => ({ ...LIMITS, ...changed }),
  };
}
