/** The benchmark's load client, a process of its own: keeps connections busy, one message at a time each, and measures how long each takes. */

import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { bodyTail, CLIENTS, content, type Direction, sentEnvelope } from './message.ts';

export interface LoadRequest {
  readonly port: number;
  readonly connections: number;
  readonly messages: number;
  readonly size: number;
  readonly tls: boolean;
}

export interface LoadResult {
  /** From the first MAIL to the last reply; connecting is not in it. */
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuSeconds: number;
}

export type LoadAnswer = { readonly result: LoadResult } | { readonly error: string };

/** Reads replies and gives out their last lines, as many as were asked for at a time. */
class Replies {
  #text = '';
  #lines: string[] = [];
  #wanted = 0;
  #resolve: (lines: string[]) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #failure: Error | undefined;

  listen(socket: Socket): void {
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection was closed')));
  }

  next(count: number): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.#wanted = count;
      this.#resolve = resolve;
      this.#reject = reject;
      if (this.#failure !== undefined) reject(this.#failure);
      else this.#give();
    });
  }

  #take(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      if (this.#text[3] !== '-') this.#lines.push(this.#text.slice(0, end));
      this.#text = this.#text.slice(end + 1);
    }
    this.#give();
  }

  #give(): void {
    if (this.#wanted === 0 || this.#lines.length < this.#wanted) return;
    const lines = this.#lines.splice(0, this.#wanted);
    this.#wanted = 0;
    this.#resolve(lines);
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#reject(error);
  }
}

interface Connection {
  readonly socket: Socket;
  readonly replies: Replies;
  readonly direction: Direction;
}

async function open({ port, tls }: LoadRequest, index: number): Promise<Connection> {
  const direction = index % 2 === 0 ? 'out' : 'in';
  const plain = connect({ host: '127.0.0.1', port, localAddress: CLIENTS[direction], noDelay: true });
  const first = new Replies();
  first.listen(plain);
  expect(await first.next(1), '220');
  plain.write('EHLO load.example\r\n');
  expect(await first.next(1), '250');
  if (!tls) return { socket: plain, replies: first, direction };
  plain.write('STARTTLS\r\n');
  expect(await first.next(1), '220');
  for (const event of ['data', 'error', 'close']) plain.removeAllListeners(event);
  // The certificate is made for the benchmark; what counts is the work of encrypting.
  const socket = connectTls({ socket: plain, rejectUnauthorized: false });
  const replies = new Replies();
  replies.listen(socket);
  socket.write('EHLO load.example\r\n');
  expect(await replies.next(1), '250');
  return { socket, replies, direction };
}

function expect(lines: readonly string[], ...codes: string[]): void {
  lines.forEach((line, index) => {
    if (!line.startsWith(codes[index] ?? '')) throw new Error(`"${line.trim()}" instead of ${codes[index]}`);
  });
}

async function run(request: LoadRequest): Promise<LoadResult> {
  const { connections, messages, size } = request;
  const cpuBefore = process.cpuUsage();
  const tail = bodyTail(size);
  const opened: Connection[] = [];
  for (let index = 0; index < connections; index += 1) opened.push(await open(request, index));
  const milliseconds = new Float64Array(messages);
  let next = 0;

  async function work({ socket, replies, direction }: Connection): Promise<void> {
    while (next < messages) {
      const number = next;
      next += 1;
      const { reversePath, forwardPath } = sentEnvelope(number, direction);
      const before = performance.now();
      socket.write(`MAIL FROM:<${reversePath}>\r\nRCPT TO:<${forwardPath}>\r\nDATA\r\n`, 'latin1');
      expect(await replies.next(3), '250', '250', '354');
      socket.write(content(number, direction, tail), 'latin1');
      expect(await replies.next(1), '250');
      milliseconds[number] = performance.now() - before;
    }
  }

  const start = performance.now();
  await Promise.all(opened.map(work));
  const seconds = (performance.now() - start) / 1000;
  for (const { socket } of opened) socket.end('QUIT\r\n');
  milliseconds.sort();
  const { user, system } = process.cpuUsage(cpuBefore);
  const at = (share: number) => milliseconds[Math.floor((messages - 1) * share)] ?? 0;
  return { seconds, p50: at(0.5), p99: at(0.99), cpuSeconds: (user + system) / 1e6 };
}

process.on('message', (request: LoadRequest) => {
  const send = (answer: LoadAnswer) => process.send?.(answer);
  run(request).then(
    (result) => send({ result }),
    (error: Error) => send({ error: error.message }),
  );
});
process.once('disconnect', () => process.exit());
