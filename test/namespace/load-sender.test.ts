/** The load that fleets are tested with sees what it must never see: a sender's session, cut and refused at every place. */

import { createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../../relay/tls/self-signed.ts';
import { Session } from '../cluster/fleet/sender.ts';
import { useAddresses } from '../support/namespace.ts';

const HOST = '198.51.100.26';
const MAIL = {
  reversePath: 'a@tenant1.example',
  forwardPath: 'b@world.example',
  content: 'Subject: x\r\n\r\nText',
  overMs: 0,
  pipelined: false,
};
const MANNERS = [
  ['one after the other', {}],
  ['pipelined', { pipelined: true }],
  ['on a slow line', { overMs: 1000 }],
] as const;
const ACCEPTED = { kind: 'accepted', leaving: false };
const TOLD = { kind: 'ended', told: true, reason: '421 4.3.2 Closing' };
const USUAL: Readonly<Record<string, string>> = {
  EHLO: '250 relay.example',
  MAIL: '250 2.1.0 Ok',
  RCPT: '250 2.1.5 Ok',
  DATA: '354 Go on',
  DOT: '250 2.0.0 Ok',
  RSET: '250 2.0.0 Ok',
  NOOP: '250 2.0.0 Ok',
  QUIT: '221 2.0.0 Bye',
};

describe('a session of the load', () => {
  let server: Server | undefined;
  beforeAll(() => useAddresses([HOST]));
  afterEach(async () => {
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
    server = undefined;
  });

  /** `answers`: instead of the usual; `cut`: the connection ends instead of an answer. */
  async function session(answers: Readonly<Record<string, string>>, hurry?: AbortSignal): Promise<Session> {
    server = createServer((socket) => converse(socket, { ...USUAL, ...answers }));
    await new Promise<void>((resolve) => server?.listen(25, HOST, resolve));
    return await Session.open({ host: HOST, localAddress: HOST, ...(hurry && { hurry }) });
  }

  describe.each(MANNERS)('whose commands come %s', (_name, manner) => {
    const mail = { ...MAIL, ...manner };

    it('is accepted after its dot, and once more', async () => {
      const open = await session({});
      expect(await open.send(mail)).toEqual(ACCEPTED);
      expect(await open.send(mail)).toEqual(ACCEPTED);
      await open.quit();
    });

    it.each([
      ['MAIL', '451 4.3.0 Later', 451],
      ['RCPT', '451 4.3.5 Later', 451],
      ['RCPT', '550 5.1.1 Unknown', 550],
      ['RCPT', '421 4.3.2 Closing', 421],
      ['DATA', '421 4.3.2 Closing', 421],
      ['DOT', '451 4.3.0 Later', 451],
      ['DOT', '421 4.3.2 Closing', 421],
      // No other 421 is what a drain says.
      ['MAIL', '421 4.3.0 Internal error', 421],
    ])('is refused at %s by %s', async (at, reply, code) => {
      const open = await session({ [at]: reply });
      expect(await open.send(mail)).toMatchObject({ kind: 'refused', code });
      open.destroy();
    });

    it.each([
      ['MAIL', false],
      ['RCPT', false],
      ['DATA', false],
      ['TEXT', false],
      ['DOT', true],
    ])('is cut at %s, and knows whether its dot had left', async (at, afterDot) => {
      const open = await session({ [at]: 'cut' });
      // What leaves in one piece has left with its dot.
      const isOnePiece = at === 'TEXT' && mail.overMs === 0;
      expect(await open.send(mail)).toMatchObject({ kind: 'cut', afterDot: afterDot || isOnePiece });
      open.destroy();
    });

    it('is told to go before it has begun', async () => {
      const open = await session({ MAIL: '421 4.3.2 Closing' });
      expect(await open.send(mail)).toEqual(TOLD);
      open.destroy();
    });

    it('is accepted and told to go in one breath', async () => {
      const open = await session({ DOT: '250 2.0.0 Ok\r\n421 4.3.2 Closing' });
      expect(await open.send(mail)).toEqual({ kind: 'accepted', leaving: true });
      expect(await open.send(mail)).toEqual(TOLD);
      expect(await open.say('NOOP')).toEqual(TOLD);
      open.destroy();
    });
  });

  it('goes on after a refusal', async () => {
    const open = await session({ RCPT: '451 4.3.5 Later', DATA: '554 5.5.1 Nobody' });
    expect(await open.send({ ...MAIL, pipelined: true })).toMatchObject({ kind: 'refused', code: 451 });
    expect(await open.say('RSET')).toBeUndefined();
    expect(await open.say('NOOP')).toBeUndefined();
    open.destroy();
  });

  it('hears at DATA that its session is over, whatever was said to RCPT', async () => {
    const open = await session({ RCPT: '451 4.3.5 Later', DATA: '421 4.7.0 Enough' });
    expect(await open.send({ ...MAIL, pipelined: true })).toMatchObject({ kind: 'refused', code: 421 });
    open.destroy();
  });

  it.each([
    ['421 4.3.2 Closing', TOLD],
    ['421 4.4.2 Timeout', { kind: 'refused', code: 421 }],
    ['500 5.5.2 What?', { kind: 'refused', code: 500 }],
    ['cut', { kind: 'ended', told: false }],
  ])('hears between two messages: %s', async (answer, heard) => {
    const open = await session({ NOOP: answer });
    expect(await open.send(MAIL)).toEqual(ACCEPTED);
    expect(await open.say('NOOP')).toMatchObject(heard);
    open.destroy();
  });

  it('hurries when it is told to: its slow message does not last', { timeout: 20_000 }, async () => {
    const hurry = new AbortController();
    const open = await session({}, hurry.signal);
    const sent = open.send({ ...MAIL, overMs: 3_600_000 });
    hurry.abort();
    expect(await sent).toEqual(ACCEPTED);
    open.destroy();
  });

  it('is not even opened where nobody listens', async () => {
    await expect(Session.open({ host: HOST, localAddress: HOST })).rejects.toThrow('ECONNREFUSED');
  });
});

function converse(plain: Socket, answers: Readonly<Record<string, string>>): void {
  plain.on('error', () => plain.destroy());
  plain.write('220 relay.example ESMTP\r\n');
  answer(plain, answers);
}

function answer(socket: Socket, answers: Readonly<Record<string, string>>): void {
  let inData = false;
  let rest = '';
  const onData = (bytes: Buffer) => {
    rest += bytes.toString('latin1');
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 2);
      if (inData && line !== '.' && answers['TEXT'] === undefined) continue;
      const verb = inData ? (line === '.' ? 'DOT' : 'TEXT') : (line.split(' ')[0] ?? '');
      inData = false;
      if (verb === 'STARTTLS') {
        socket.off('data', onData);
        socket.write('220 2.0.0 Go on\r\n');
        const { certificate: cert, key } = makeSelfSigned('relay.example', new Date());
        const secure = new TLSSocket(socket, { isServer: true, cert, key });
        secure.on('error', () => secure.destroy());
        answer(secure, answers);
        return;
      }
      const text = answers[verb] ?? '500 5.5.2 What?';
      if (text === 'cut') {
        socket.destroy();
        return;
      }
      inData = text.startsWith('354');
      socket.write(`${text}\r\n`);
    }
  };
  socket.on('data', onData);
}
