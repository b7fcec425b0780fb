/** `isthmus relay`: runs a relay from folders of manifests, and follows them. */

import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { type HttpServer, json, plain, startHttp } from '../relay/http.ts';
import type { Configuration } from '../relay/main.ts';
import { type RelayRunner, runRelay as startRelay } from '../relay/runner.ts';
import { ownCertificate } from '../relay/tls/own-certificate.ts';
import type { ServerIdentity } from '../relay/tls/server-context.ts';
import { type Lines, openLines } from '../relay/tracking/tracking.ts';
import { CommandLineError, helpText } from './command-line.ts';
import { counted, type Diagnosis, formatDiagnosis } from './diagnosis.ts';
import { Follower } from './follower.ts';
import { parseRelayCommand, RELAY_OPTIONS, RELAY_SUMMARY, type RelayCommand } from './relay-options.ts';
import { type SourceThread, startSource, type ThreadReading } from './source-thread.ts';
import { prepareDataFolder } from './state.ts';

/** Signals of one Ctrl-C arrive twice when npm and the terminal both send them. */
const SAME_SIGNAL_MS = 500;

export async function runRelay(args: readonly string[]): Promise<number> {
  const command = parseRelayCommand(args);
  if (command === undefined) {
    process.stdout.write(helpText('isthmus relay --manifests DIR [options]', RELAY_SUMMARY, RELAY_OPTIONS));
    return 0;
  }
  prepareDataFolder(command.dataFolder);
  const source = await startSource(command);
  // Watched before they are read: a change between the two would be seen by neither.
  const follower = new Follower(command.manifests);
  try {
    const first = await source.read(new Date());
    const errors = first.diagnoses.filter(({ severity }) => severity === 'error');
    if (errors.length === 0) return await new RunningRelay(command, source, follower).run(first);
    for (const diagnosis of first.diagnoses) process.stderr.write(`${formatDiagnosis(diagnosis)}\n`);
    process.stderr.write(
      `isthmus: not started, ${counted(errors.length, 'error')}. Mend, or see it all again: isthmus check --strict DIR\n`,
    );
    return 1;
  } finally {
    follower.stop();
    await source.close();
  }
}

class RunningRelay {
  readonly #command: RelayCommand;
  readonly #source: SourceThread;
  readonly #follower: Follower;
  readonly #lines: Lines;
  #lineLost = () => {};
  #inForce: Configuration | undefined;
  #ready = false;
  #reported = new Set<string>();

  constructor(command: RelayCommand, source: SourceThread, follower: Follower) {
    this.#command = command;
    this.#source = source;
    this.#follower = follower;
    this.#lines = openLines({ destination: 1, onLost: () => this.#lineLost() });
  }

  async run(first: ThreadReading): Promise<number> {
    const relay = await this.#start(first);
    this.#lineLost = () => relay.lineLost();
    await this.#source.remember();
    this.#report(first);
    const http = await this.#startHttp(relay);
    this.#ready = true;
    await this.#announce(relay, http);
    this.#follower.listen(() => this.#follow(relay));
    await this.#untilSignal();
    this.#lines.log.info('draining');
    this.#follower.stop();
    await relay.drain();
    this.#ready = false;
    await http?.close();
    this.#lines.log.info('stopped');
    await this.#lines.flush();
    return 0;
  }

  async #start(first: ThreadReading): Promise<RelayRunner> {
    const { listen, spoolFolder, dnsServers, workers } = this.#command;
    try {
      const configuration = await this.#configuration(first);
      const relay = await startRelay({ listen, spoolFolder, dnsServers, lines: this.#lines }, configuration, workers);
      this.#inForce = configuration;
      return relay;
    } catch (error) {
      throw startError(error);
    }
  }

  async #configuration(reading: ThreadReading): Promise<Configuration> {
    const { config, credentials } = reading.fleet();
    const { certificate, key } = config.fleet.tls;
    const text = (id: string) => credentials.get(id) ?? '';
    const { tlsFiles, dataFolder } = this.#command;
    const identity: ServerIdentity =
      tlsFiles !== undefined
        ? { certificate: readPem(tlsFiles.certificate), key: readPem(tlsFiles.key) }
        : certificate !== undefined && key !== undefined
          ? { certificate: text(certificate), key: text(key) }
          : await ownCertificate(dataFolder, config.fleet.hostname, new Date());
    return { config, credentials, identity };
  }

  async #startHttp(relay: RelayRunner): Promise<HttpServer | undefined> {
    const { metrics: listen } = this.#command;
    if (listen === undefined) return undefined;
    try {
      return await startHttp(listen, {
        '/livez': () => plain(200, 'ok'),
        '/readyz': () => (this.#ready ? plain(200, 'ok') : plain(503, 'not ready')),
        '/metrics': async () => {
          const { contentType, text } = await relay.metrics();
          return { status: 200, contentType, body: text };
        },
        '/status': async () => json(await relay.status()),
      });
    } catch (error) {
      throw startError(error);
    }
  }

  async #announce(relay: RelayRunner, http: HttpServer | undefined): Promise<void> {
    const smtp = relay.addresses.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);
    const { counts, revision } = await relay.status();
    this.#lines.log.info('ready', { smtp, http: http?.address.port, revision, counts });
  }

  async #follow(relay: RelayRunner): Promise<void> {
    try {
      const reading = await this.#source.read(new Date());
      const configuration = await this.#configuration(reading);
      this.#report(reading);
      if (isSame(configuration, this.#inForce)) return;
      const applied = await relay.apply(configuration);
      if (!applied.ok) {
        this.#lines.log.error(`the new configuration is refused, the last one stays in force: ${applied.reason}`);
        return;
      }
      this.#inForce = configuration;
      await this.#source.remember();
      this.#lines.log.info('new configuration', { revision: configuration.config.revision });
    } catch (error) {
      this.#lines.log.error('the manifests could not be taken, the last configuration stays in force', { error });
    }
  }

  /** Each problem once, until it is gone and comes back. */
  #report({ diagnoses, kept }: ThreadReading): void {
    const texts = new Map(diagnoses.map((diagnosis) => [formatDiagnosis(diagnosis), diagnosis]));
    for (const [text, diagnosis] of texts) if (!this.#reported.has(text)) this.#log(diagnosis, text);
    this.#reported = new Set(texts.keys());
    for (const file of kept) this.#lines.log.warn(`${file}: its last good content stays in force`);
  }

  #log({ severity }: Diagnosis, text: string): void {
    if (severity === 'error') this.#lines.log.error(text);
    else if (severity === 'warning') this.#lines.log.warn(text);
    else this.#lines.log.info(text);
  }

  #untilSignal(): Promise<void> {
    return new Promise((resolve) => {
      let firstAt: number | undefined;
      const onSignal = () => {
        const now = performance.now();
        if (firstAt === undefined) {
          firstAt = now;
          resolve();
        } else if (now - firstAt > SAME_SIGNAL_MS) {
          process.exit(1);
        }
      };
      process.on('SIGTERM', onSignal);
      process.on('SIGINT', onSignal);
    });
  }
}

/** Certificates given as files change without the manifests. */
function isSame(one: Configuration, other: Configuration | undefined): boolean {
  return (
    one.config.revision === other?.config.revision &&
    one.identity.certificate === other.identity.certificate &&
    one.identity.key === other.identity.key
  );
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandLineError(`${file} cannot be read: ${reasonOf(error)}`, '--tls-cert and --tls-key name PEM files');
  }
}

function startError(error: unknown): Error {
  if (error instanceof CommandLineError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const reason = reasonOf(error);
  switch (code) {
    case 'EADDRINUSE':
      return new CommandLineError(
        reason,
        'another program listens there; choose another address with --listen or --metrics',
      );
    case 'EACCES':
      return new CommandLineError(
        reason,
        'ports below 1024 need rights; listen on 2525 and let a Service or firewall map port 25',
      );
    case 'EADDRNOTAVAIL':
      return new CommandLineError(reason, 'this machine has no such address');
    default:
      return new CommandLineError(`the relay cannot start: ${reason}`, 'isthmus relay --help lists the options');
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
