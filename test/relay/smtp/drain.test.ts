import { afterEach, describe, expect, test } from 'vitest';
import { type Front, startFront } from '../../../relay/smtp/front.ts';
import { RawSmtp } from '../../support/raw-smtp.ts';
import { frontOptions, RecordingSessions } from './recording-sessions.ts';

const DRAINING = '421 4.3.2 Server is shutting down, try again';
const TRANSACTION = ['MAIL FROM:<a@client.example>', 'RCPT TO:<b@relay.example>'];
const fronts: Front[] = [];
afterEach(() => Promise.all(fronts.splice(0).map((front) => front.close())));

async function start() {
  const sessions = new RecordingSessions();
  const front = await startFront(frontOptions(sessions));
  fronts.push(front);
  const port = front.addresses[0]?.port ?? 0;
  return { sessions, front, port, greeted: () => RawSmtp.greeted('127.0.0.1', port) };
}

async function say(client: RawSmtp, lines: readonly string[]): Promise<void> {
  for (const line of lines) await client.command(line);
}

describe('draining', () => {
  test('ends idle sessions with 421 and takes no new ones', async () => {
    const { front, port, greeted } = await start();
    const idle = await greeted();
    const drained = front.drain({ lameDuckSeconds: 0, drainSeconds: 60 });
    expect((await idle.read()).text).toBe(DRAINING);
    await idle.closed();
    await drained;
    await expect(RawSmtp.open('127.0.0.1', port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('takes new connections while it is a lame duck', async () => {
    const { front, greeted } = await start();
    const drained = front.drain({ lameDuckSeconds: 0.5, drainSeconds: 60 });
    const client = await greeted();
    expect((await client.send('a@client.example', ['b@relay.example'], 'x: y\r\n')).code).toBe(250);
    expect((await client.read()).text).toBe(DRAINING);
    await drained;
  });

  test('lets transactions come to their answer, then ends their sessions', async () => {
    const { front, sessions, greeted } = await start();
    const [early, late] = await Promise.all([greeted(), greeted()]);
    await say(early, TRANSACTION);
    await say(late, [...TRANSACTION, 'DATA']);
    const drained = front.drain({ lameDuckSeconds: 0, drainSeconds: 60 });
    expect((await early.data('x: y\r\n')).code).toBe(250);
    expect((await early.read()).text).toBe(DRAINING);
    late.write('x: y\r\n.\r\n');
    expect((await late.read()).code).toBe(250);
    expect((await late.read()).text).toBe(DRAINING);
    await drained;
    expect(sessions.messages).toHaveLength(2);
  });

  test('cuts transactions before their final dot when their time is over', async () => {
    const { front, sessions, greeted } = await start();
    const [early, late] = await Promise.all([greeted(), greeted()]);
    await say(early, TRANSACTION);
    await say(late, [...TRANSACTION, 'DATA']);
    late.write('x: y\r\n');
    await front.drain({ lameDuckSeconds: 0, drainSeconds: 0.1 });
    expect((await early.read()).text).toBe(DRAINING);
    expect((await late.read()).text).toBe(DRAINING);
    await expect.poll(() => sessions.failedUploads).toHaveLength(1);
  });

  test('never cuts between the final dot and its answer', async () => {
    const { front, sessions, greeted } = await start();
    const answer = Promise.withResolvers<void>();
    sessions.beforeAnswer = () => answer.promise;
    const [client, other] = await Promise.all([greeted(), greeted()]);
    await say(client, [...TRANSACTION, 'DATA']);
    client.write('x: y\r\n.\r\n');
    await say(other, TRANSACTION);
    let over = false;
    const drained = front.drain({ lameDuckSeconds: 0, drainSeconds: 0.1 }).then(() => {
      over = true;
    });
    // The other one's end shows that the time is over.
    expect((await other.read()).text).toBe(DRAINING);
    await other.closed();
    expect(over).toBe(false);
    answer.resolve();
    expect((await client.read()).code).toBe(250);
    expect((await client.read()).text).toBe(DRAINING);
    await drained;
  });

  test('waits for a delivery whose client has left', async () => {
    const { front, sessions, greeted } = await start();
    const answer = Promise.withResolvers<void>();
    sessions.beforeAnswer = () => answer.promise;
    const client = await greeted();
    await say(client, [...TRANSACTION, 'DATA']);
    client.write('x: y\r\n.\r\n');
    client.destroy();
    await expect.poll(() => sessions.closed).toBe(1);
    let over = false;
    const drained = front.drain({ lameDuckSeconds: 0, drainSeconds: 0 }).then(() => {
      over = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(over).toBe(false);
    answer.resolve();
    await drained;
    expect(sessions.messages).toHaveLength(1);
  });

  test.each([0, 60])('is ended at once by close, %s seconds of a lame duck or not', async (lameDuckSeconds) => {
    const { front, greeted } = await start();
    const client = await greeted();
    await say(client, TRANSACTION);
    const drained = front.drain({ lameDuckSeconds, drainSeconds: 60 });
    await front.close();
    await drained;
    expect(front.connections()).toBe(0);
    await client.closed();
  });
});
