/** A Postfix in a container: a tenant's mail system, or the internet's. Its folder is shared with the test, which reads mailboxes and log there. */

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GenericContainer, type StartedNetwork, type StartedTestContainer, Wait } from 'testcontainers';
import { layOut, masterCommand, type PostfixReader, readerOf } from '../support/postfix-folder.ts';
import type { PostfixOptions } from '../support/postfix-settings.ts';
import { MACHINE_IMAGE, MACHINE_MOUNTS } from './machine-image.ts';

export interface MailSystem extends PostfixReader {
  /** In the network of the containers. */
  readonly address: string;
  /** Hands messages to its sendmail, one after another. */
  submit(reversePath: string, forwardPath: string, messages: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** `hostname` is its name in the network, too. */
export async function startMailSystem(
  network: StartedNetwork,
  options: PostfixOptions & { readonly hostname: string },
): Promise<MailSystem> {
  const settings = { ...options.settings, inet_interfaces: 'all' };
  const directory = await layOut({ ...options, settings }, '0.0.0.0', 25);
  const [master = '', ...args] = await masterCommand(directory, true);
  let output = '';
  const reader = readerOf(directory, () => output);
  const container = await new GenericContainer(MACHINE_IMAGE)
    .withNetwork(network)
    .withNetworkAliases(options.hostname)
    .withBindMounts([...MACHINE_MOUNTS, { source: directory, target: directory }])
    .withEntrypoint([master])
    .withCommand(args)
    .withLogConsumer((stream) => stream.on('data', (part) => (output += String(part))))
    .withExposedPorts(25)
    .withWaitStrategy(Wait.forListeningPorts())
    .start()
    .catch((cause) => {
      throw new Error(`${options.hostname} did not start:\n${output}${reader.log()}`, { cause });
    });
  return handle(container, network, directory, reader);
}

function handle(
  container: StartedTestContainer,
  network: StartedNetwork,
  directory: string,
  reader: PostfixReader,
): MailSystem {
  const submissions = { count: 0 };
  return {
    ...reader,
    address: container.getIpAddress(network.getName()),
    submit: async (reversePath, forwardPath, messages) => {
      const files = messages.map((message) => {
        submissions.count += 1;
        const file = join(directory, `submitted-${submissions.count}`);
        writeFileSync(file, message);
        return file;
      });
      const script = 'for file; do sendmail -C "$ETC" -i -f "$FROM" -- "$TO" <"$file" || exit; done';
      const { exitCode, output } = await container.exec(['/bin/sh', '-c', script, 'sh', ...files], {
        env: { PATH: '/usr/sbin:/usr/bin', ETC: join(directory, 'etc'), FROM: reversePath, TO: forwardPath },
      });
      if (exitCode !== 0) throw new Error(`sendmail ended with ${exitCode}: ${output}`);
    },
    stop: async () => {
      await container.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
