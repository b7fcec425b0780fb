/** The compiling thread's end: whatever stops it is told to whoever waits for it, and to whoever watches over it. */

import { afterEach, describe, expect, it } from 'vitest';
import type { Change, Compiler } from '../../../operator/compilation/compiler.ts';
import { startCompiler, type Watchdog } from '../../../operator/compilation/start.ts';
import { DOMAIN, FLEET, KEY, pairs, route, rule, WORLD } from './small-world.ts';

const started: Compiler[] = [];

async function start(watchdog: Watchdog = {}): Promise<Compiler> {
  const compiler = await startCompiler({ credentialKey: KEY, domains: [] }, watchdog);
  started.push(compiler);
  return compiler;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((compiler) => compiler.close()));
});

describe('the compiling thread', () => {
  it('rejects what waits, and everything after it, when its thread is gone', async () => {
    const compiler = await start();
    compiler.update(WORLD);
    const waiting = compiler.compile(0);
    await Promise.all([expect(waiting).rejects.toThrow('the compiler was closed'), compiler.close()]);
    await expect(compiler.compile(0)).rejects.toThrow('the compiler was closed');
  });

  it('dies of what it cannot do and says what that was', async () => {
    const compiler = await start();
    compiler.update([{ type: 'resource', resource: { kind: 'RelayFleet' } } as unknown as Change]);
    const death = await compiler.compile(0).catch((error: unknown) => error);
    expect(death).toMatchObject({ message: 'the compiling thread has died', cause: expect.any(TypeError) as unknown });
  });

  it('ends a thread that does not answer in time, and says so to whoever waits and to whoever watches', async () => {
    const deaths: string[] = [];
    const watchdog = { answerMs: 60_000, onDeath: ({ message }: Error) => void deaths.push(message) };
    const compiler = await start(watchdog);
    const names = Array.from({ length: 1000 }, (_, at) => `name${at}`);
    compiler.update([FLEET, DOMAIN, route(), rule('people', pairs(...names))]);
    // No thread has compiled so many rows by then.
    watchdog.answerMs = 1;
    const hung = 'the compiling thread has not answered "compile" for 0.001 s';
    await expect(compiler.compile(0)).rejects.toThrow(hung);
    await expect(compiler.compile(0)).rejects.toThrow(hung);
    expect(deaths).toEqual([hung]);
  });

  it('rejects when its thread does not start in time', async () => {
    const late = 'the compiling thread has not started for 0.001 s';
    await expect(start({ answerMs: 1 })).rejects.toThrow(late);
  });

  it('says that its thread has died while nobody asked it for anything', async () => {
    const { promise, resolve } = Promise.withResolvers<Error>();
    const compiler = await start({ onDeath: resolve });
    compiler.update([{ type: 'resource', resource: { kind: 'RelayFleet' } } as unknown as Change]);
    expect(await promise).toMatchObject({ message: 'the compiling thread has died' });
    await expect(compiler.compile(0)).rejects.toThrow('the compiling thread has died');
  });

  it('does not count its own end as a death', async () => {
    const deaths: Error[] = [];
    const compiler = await start({ onDeath: (cause) => void deaths.push(cause) });
    await compiler.close();
    expect(deaths).toEqual([]);
  });
});
