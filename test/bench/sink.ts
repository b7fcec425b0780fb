/** The benchmark's last server, a process of its own: takes every message at once and checks each one's body, envelope and number. */

import { createServer, type Socket } from 'node:net';
import { bodyTail, FIRST_LINE_LENGTH, readFirstLine, rewrittenEnvelope, sentEnvelope } from './message.ts';

export interface Expectation {
  readonly messages: number;
  readonly size: number;
  /** Whether envelopes must arrive rewritten. */
  readonly rewritten: boolean;
}

export interface Arrivals {
  readonly arrived: number;
  readonly missing: number;
  readonly doubled: number;
  /** The first few things that were not as they should be. */
  readonly wrong: readonly string[];
  readonly cpuSeconds: number;
}

export type SinkRequest = { readonly expect: Expectation } | { readonly report: true };
export type SinkAnswer = { readonly port: number } | { readonly expecting: true } | { readonly arrivals: Arrivals };

const END = Buffer.from('\r\n.\r\n');
const HEADER_END = Buffer.from('\r\n\r\n');
const CR = 13;

let expected: Expectation = { messages: 0, size: 0, rewritten: false };
let tail = Buffer.alloc(0);
let seen = new Uint8Array(0);
let arrived = 0;
let wrong: string[] = [];
let cpuBefore = process.cpuUsage();

function complain(what: string): void {
  if (wrong.length < 5) wrong.push(what);
}

function check(message: Buffer, reversePath: string, forwardPath: string): void {
  arrived += 1;
  const body = message.indexOf(HEADER_END) + HEADER_END.length;
  const line = message.toString('latin1', body, body + FIRST_LINE_LENGTH);
  const read = readFirstLine(line);
  if (read === undefined || read.number >= expected.messages) return complain(`body begins ${JSON.stringify(line)}`);
  seen[read.number] = Math.min(255, (seen[read.number] ?? 0) + 1);
  if (tail.compare(message, body + FIRST_LINE_LENGTH) !== 0) complain(`body of message ${read.number} differs`);
  const envelope = (expected.rewritten ? rewrittenEnvelope : sentEnvelope)(read.number, read.direction);
  if (reversePath !== envelope.reversePath || forwardPath !== envelope.forwardPath) {
    complain(`message ${read.number} arrived from ${reversePath} for ${forwardPath}`);
  }
}

function serve(socket: Socket): void {
  let reversePath = '';
  let forwardPath = '';
  let rest: Buffer = Buffer.alloc(0);
  let parts: Buffer[] | undefined;

  function command(line: string): string {
    const verb = line.slice(0, 4).toUpperCase();
    const path = /<([^>]*)>/.exec(line)?.[1] ?? '';
    switch (verb) {
      case 'EHLO':
        return '250-sink.example\r\n250-PIPELINING\r\n250-SIZE 157286400\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n';
      case 'MAIL':
        reversePath = path;
        return '250 2.1.0 Ok\r\n';
      case 'RCPT':
        forwardPath = path;
        return '250 2.1.5 Ok\r\n';
      case 'DATA':
        parts = [];
        return '354 Go on\r\n';
      case 'QUIT':
        return '221 2.0.0 Bye\r\n';
      default:
        return '250 2.0.0 Ok\r\n';
    }
  }

  function receive(chunk: Buffer): void {
    let replies = '';
    let at = 0;
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    rest = Buffer.alloc(0);
    while (at < bytes.length) {
      if (parts !== undefined) {
        // The end may lie across two chunks: search from the last four octets of what came before.
        const before = parts.at(-1);
        const joined =
          before === undefined ? bytes.subarray(at) : Buffer.concat([before.subarray(-4), bytes.subarray(at)]);
        const overlap = joined.length - (bytes.length - at);
        const end = joined.indexOf(END);
        if (end < 0) {
          parts.push(bytes.subarray(at));
          break;
        }
        const next = at + end + END.length - overlap;
        parts.push(bytes.subarray(at, next));
        check(parts.length === 1 ? (parts[0] ?? bytes) : Buffer.concat(parts), reversePath, forwardPath);
        parts = undefined;
        at = next;
        replies += '250 2.0.0 Ok: taken\r\n';
        continue;
      }
      const end = bytes.indexOf(CR, at);
      if (end < 0 || end + 1 >= bytes.length) {
        rest = bytes.subarray(at);
        break;
      }
      replies += command(bytes.toString('latin1', at, end));
      at = end + 2;
    }
    if (replies !== '') socket.write(replies, 'latin1');
    if (replies.endsWith('221 2.0.0 Bye\r\n')) socket.end();
  }

  socket.setNoDelay(true);
  // A relay that is stopped drops its kept connections; what is lost is counted, not how.
  socket.on('error', () => socket.destroy());
  socket.on('data', receive);
  socket.write('220 sink.example ESMTP\r\n');
}

function arrivals(): Arrivals {
  const missing = seen.reduce((sum, times) => sum + (times === 0 ? 1 : 0), 0);
  const doubled = seen.reduce((sum, times) => sum + (times > 1 ? 1 : 0), 0);
  const { user, system } = process.cpuUsage(cpuBefore);
  return { arrived, missing, doubled, wrong, cpuSeconds: (user + system) / 1e6 };
}

const answer = (message: SinkAnswer) => process.send?.(message);

process.on('message', (request: SinkRequest) => {
  if ('report' in request) return answer({ arrivals: arrivals() });
  expected = request.expect;
  tail = Buffer.from(bodyTail(expected.size), 'latin1');
  seen = new Uint8Array(expected.messages);
  arrived = 0;
  wrong = [];
  cpuBefore = process.cpuUsage();
  return answer({ expecting: true });
});
process.once('disconnect', () => process.exit());

const server = createServer(serve);
// 1024: more than the connections any scenario opens at once.
server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  answer({ port: address.port });
});
