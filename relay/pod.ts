/** The program of a relay pod: answers probes from the first moment, runs what is mounted, and ends without cutting a delivery. */

import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigSource } from './config-source/config-source.ts';
import { FolderWatch } from './config-source/folder-watch.ts';
import { UNREADY_SECONDS } from './core/pod-status.ts';
import { type HttpServer, json, plain, startHttp } from './http.ts';
import { everyAddress } from './pod-host.ts';
import { PodIdentity } from './pod-identity.ts';
import { PodRelay } from './pod-relay.ts';
import { type PodSettings, readPodSettings } from './pod-settings.ts';
import { type Lines, openLines } from './tracking/tracking.ts';

/** What /metrics says before anything is counted; an error would look like a broken pod. */
const NOTHING_COUNTED = { status: 200, contentType: 'text/plain; version=0.0.4; charset=utf-8', body: '' };

/** A file that cannot be read for lack of memory or descriptors can be soon, and no change of the folder will say so. */
const LOOK_AGAIN_MS = 5000;

class Pod {
  readonly #settings: PodSettings;
  readonly #lines: Lines;
  readonly #source: ConfigSource;
  readonly #relay: PodRelay;
  readonly #host: string;
  #closing = false;

  constructor(settings: PodSettings, host: string) {
    this.#settings = settings;
    this.#host = host;
    this.#lines = openLines({ destination: 1, onLost: () => this.#relay.runner?.lineLost() });
    const { configFolder, stateFolder, spoolFolder, tlsFolder, smtpPort, workers, podUid } = settings;
    const source = new ConfigSource(configFolder, stateFolder, (error) =>
      this.#lines.log.error('the configuration cannot be kept for the next start', { error }),
    );
    this.#source = source;
    this.#relay = new PodRelay({
      relay: { listen: [{ host, port: smtpPort }], spoolFolder, dnsServers: [], lines: this.#lines },
      workers,
      podUid,
      tlsFolder,
      source,
      identity: new PodIdentity(),
    });
  }

  /** Resolves when it has been told to end and has ended. */
  async run(): Promise<number> {
    const { log } = this.#lines;
    const told = this.#untilTold();
    const failed = Promise.withResolvers<number>();
    const look = () =>
      void this.#relay.look().catch((error: unknown) => {
        log.error('the relay cannot run here', { error });
        failed.resolve(1);
      });
    const { configFolder, tlsFolder } = this.#settings;
    const watches = [configFolder, tlsFolder].map((folder) => new FolderWatch(folder, look));
    const http = await this.#startHttp();
    await this.#source.open();
    // Watched before they are read: a change between the two would be seen by neither.
    for (const watch of watches) await watch.start();
    look();
    const again = setInterval(() => {
      if (this.#relay.wasCutShort) look();
    }, LOOK_AGAIN_MS);
    const code = await Promise.race([told.then(() => 0), failed.promise]);
    clearInterval(again);
    for (const watch of watches) watch.close();
    if (code === 0) await this.#drain();
    await http.close();
    log.info('stopped');
    await this.#lines.flush();
    return code;
  }

  async #drain(): Promise<void> {
    this.#lines.log.info('draining');
    await this.#relay.stopFollowing();
    const { runner, fleet } = this.#relay;
    if (runner === undefined || fleet === undefined) return;
    // Ready for as long as load balancers may send connections, which would time out and not go elsewhere. Then unready before
    // the listener closes: a node whose other relay begins to end just then would still send them here.
    const lameDuck = new AbortController();
    const over = sleep(fleet.lameDuckSeconds * 1000, undefined, { signal: lameDuck.signal }).then(
      () => {
        this.#closing = true;
      },
      () => undefined,
    );
    await runner.drain(fleet.lameDuckSeconds > 0 ? UNREADY_SECONDS : 0);
    lameDuck.abort();
    await over;
    this.#closing = true;
  }

  async #startHttp(): Promise<HttpServer> {
    const isReady = () => this.#relay.runner !== undefined && !this.#closing;
    return await startHttp(
      { host: this.#host, port: this.#settings.httpPort },
      {
        '/livez': () => plain(200, 'ok'),
        '/readyz': () => (isReady() ? plain(200, 'ok') : plain(503, 'not ready')),
        '/metrics': async () => {
          const metrics = await this.#relay.runner?.metrics();
          return metrics === undefined
            ? NOTHING_COUNTED
            : { status: 200, contentType: metrics.contentType, body: metrics.text };
        },
        '/status': async () => json(await this.#relay.status()),
      },
    );
  }

  /** However often it is told: nothing ends a delivery that is past its final dot. */
  #untilTold(): Promise<void> {
    return new Promise((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
    });
  }
}

async function main(): Promise<number> {
  const settings = readPodSettings(process.env);
  if (settings.ok) return await new Pod(settings.value, await everyAddress()).run();
  for (const problem of settings.problems) process.stderr.write(`isthmus relay pod: ${problem}\n`);
  return 2;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`isthmus relay pod: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
