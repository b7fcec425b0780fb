/** A line at a time SMTP client for dialogs: sends what it is told, well-formed or not, and reads whole replies. */

import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';

export interface RawReply {
  readonly code: number;
  /** Texts after the code, a string a line. */
  readonly lines: readonly string[];
  /** The lines as they came, with `\n` between them. */
  readonly text: string;
}

export interface RawSmtpOptions {
  /** The address to come from: on Linux all of 127.0.0.0/8 is this machine. */
  readonly localAddress?: string;
  /** Speaks TLS from the first byte on. */
  readonly tls?: ConnectionOptions;
}

// Longer than anything a server under test may rightly take, shorter than a test's own limit, so that the error names the line.
const PATIENCE_MS = 20_000;

export class RawSmtp {
  #socket: Socket;
  #input = '';
  #closed = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Connects; the greeting is the first reply to read. */
  static async open(host: string, port: number, options: RawSmtpOptions = {}): Promise<RawSmtp> {
    const { localAddress } = options;
    const socket = connect({ host, port, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) });
    await happens(socket, 'connect');
    if (options.tls === undefined) return new RawSmtp(socket);
    const secure = connectTls({ ...options.tls, socket });
    await happens(secure, 'secureConnect');
    return new RawSmtp(secure);
  }

  /** Connects, reads the greeting and says EHLO. */
  static async greeted(host: string, port: number, options: RawSmtpOptions = {}): Promise<RawSmtp> {
    const client = await RawSmtp.open(host, port, options);
    await client.read();
    await client.command('EHLO client.example');
    return client;
  }

  /** Bytes as they are, no line end added. */
  write(bytes: string | Uint8Array): void {
    this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next whole reply. */
  async read(): Promise<RawReply> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*(\d{3})(?: [^\n]*)?\r?\n/.exec(this.#input);
      if (match !== null) {
        this.#input = this.#input.slice(match[0].length);
        const raw = match[0].trimEnd().split(/\r?\n/);
        return { code: Number(match[1]), lines: raw.map((line) => line.slice(4)), text: raw.join('\n') };
      }
      if (this.#closed) throw new Error(`connection closed instead of a reply; unread: ${JSON.stringify(this.#input)}`);
      await this.#more(deadline);
    }
  }

  /** Sends a line and reads the reply to it. */
  command(line: string): Promise<RawReply> {
    this.write(`${line}\r\n`);
    return this.read();
  }

  /** DATA, the message with dots doubled, the final dot: the reply after the dot, or the refusal of DATA. */
  async data(message: string): Promise<RawReply> {
    const go = await this.command('DATA');
    if (go.code !== 354) return go;
    const stuffed = message.replaceAll(/^\./gm, '..');
    this.write(`${stuffed}${stuffed.endsWith('\r\n') ? '' : '\r\n'}.\r\n`);
    return this.read();
  }

  /** A whole transaction: the first refusal, else the reply after the dot. */
  async send(reversePath: string, forwardPaths: readonly string[], message: string): Promise<RawReply> {
    for (const line of [`MAIL FROM:<${reversePath}>`, ...forwardPaths.map((path) => `RCPT TO:<${path}>`)]) {
      const reply = await this.command(line);
      if (reply.code >= 400) return reply;
    }
    return this.data(message);
  }

  /** STARTTLS, the handshake and EHLO again. */
  async startTls(options: ConnectionOptions = {}): Promise<RawReply> {
    const reply = await this.command('STARTTLS');
    if (reply.code !== 220) return reply;
    for (const event of ['data', 'close', 'error']) this.#socket.removeAllListeners(event);
    const secure = connectTls({ ...options, socket: this.#socket });
    await happens(secure, 'secureConnect');
    this.#socket = secure;
    this.#listen(secure);
    return this.command('EHLO client.example');
  }

  /** The TLS socket, to look at what was negotiated; undefined without TLS. */
  get tls(): TLSSocket | undefined {
    return 'getPeerCertificate' in this.#socket ? (this.#socket as TLSSocket) : undefined;
  }

  /** Resolves with what was unread when the server closes the connection. */
  async closed(): Promise<string> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.#closed) await this.#more(deadline);
    return this.#input;
  }

  /** QUIT and its reply. */
  async quit(): Promise<RawReply> {
    const reply = await this.command('QUIT');
    this.#socket.end();
    return reply;
  }

  /** Leaves without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    socket.on('data', (bytes: Buffer) => {
      this.#input += bytes.toString('latin1');
      this.#wake();
    });
    // An error is followed by close, which is what a dialog waits for; it is told with a reply that never came.
    socket.on('error', (error) => {
      this.#failure = error;
    });
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  #more(deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const unread = () => `unread: ${JSON.stringify(this.#input)}${this.#failure ? `, ${this.#failure.message}` : ''}`;
      const late = () => reject(new Error(`nothing came within ${PATIENCE_MS} ms; ${unread()}`));
      const timer = setTimeout(late, Math.max(0, deadline - Date.now()));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function happens(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(error);
    socket.once('error', fail);
    socket.once(event, () => {
      socket.removeListener('error', fail);
      resolve();
    });
  });
}
