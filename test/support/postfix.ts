/** A private Postfix on a loopback port with configuration, queue and log of its own; gone, with everything it wrote, when stopped. Needs root. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Running, run, runOrThrow, start } from './child-process.ts';
import { ensurePackages, isRoot } from './debian.ts';
import { freePort } from './free-port.ts';
import { layOut, masterCommand, type PostfixReader, readerOf } from './postfix-folder.ts';
import type { PostfixOptions } from './postfix-settings.ts';

export interface Postfix extends PostfixReader {
  readonly address: string;
  readonly port: number;
  readonly directory: string;
  readonly pid: number;
  /** Hands a message to this Postfix's sendmail, as a program on its machine would. */
  submit(reversePath: string, forwardPaths: readonly string[], message: string | Uint8Array): Promise<void>;
  /** The queue as `postqueue -j` prints it, an object a message. */
  queue(): Promise<Record<string, unknown>[]>;
  /** Tries everything queued again now. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The kernel forgets to end the master with us once it has changed users, so a shell that does not is put above it.
 * "postfix start-fg" has such a shell, which leaves the master alone when it ends.
 */
const UNDER_A_SHELL = '"$@" & trap "kill -TERM $!" TERM; wait "$!"; wait "$!"';

export async function startPostfix(options: PostfixOptions = {}): Promise<Postfix> {
  if (!isRoot) throw new Error('Postfix starts as root only. Run the tests as root.');
  ensurePackages(['postfix']);
  const address = options.address ?? '127.0.0.1';
  const port = options.port ?? (await freePort(address));
  const directory = await layOut(options, address, port);
  const master = start('sh', ['-c', UNDER_A_SHELL, 'sh', ...(await masterCommand(directory))], { name: 'postfix' });
  try {
    await master.waitForPort(address, port);
  } catch (cause) {
    await stop(master, directory);
    throw cause;
  }
  return handle(master, directory, address, port);
}

function handle(master: Running, directory: string, address: string, port: number): Postfix {
  return {
    ...readerOf(directory, master.output),
    address,
    port,
    directory,
    pid: master.pid,
    submit: async (reversePath, forwardPaths, message) => {
      const args = ['-C', join(directory, 'etc'), '-i', '-f', reversePath, '--', ...forwardPaths];
      await runOrThrow('sendmail', args, { input: message });
    },
    queue: async () => {
      const lines = (await runOrThrow('postqueue', ['-c', join(directory, 'etc'), '-j'])).split('\n');
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    flush: async () => {
      await runOrThrow('postqueue', ['-c', join(directory, 'etc'), '-f']);
    },
    stop: () => stop(master, directory),
  };
}

async function stop(master: Running, directory: string): Promise<void> {
  // "postfix stop" waits for the daemons; killing the master alone leaves them busy with their last client.
  await run('postfix', ['-c', join(directory, 'etc'), 'stop']);
  await master.stop();
  rmSync(directory, { recursive: true, force: true });
}
