/** Runs in a pod what its folders say: from the first complete configuration on, and each one after it that can be run. */

import type { ConfigSource, Found, VerifiedSet } from './config-source/config-source.ts';
import type { PodStatus } from './core/pod-status.ts';
import { CONFIG_FORMAT } from './core/config.ts';
import { readTlsFolder } from './config-source/tls-folder.ts';
import type { ApplyResult, Configuration, RelayOptions } from './main.ts';
import type { PodIdentity } from './pod-identity.ts';
import { type RelayRunner, runRelay } from './runner.ts';
import type { RelayStatus } from './status.ts';

export interface PodRelayOptions {
  readonly relay: RelayOptions;
  readonly workers: number;
  readonly podUid: string;
  readonly tlsFolder: string;
  readonly source: ConfigSource;
  readonly identity: PodIdentity;
}

/** Not the configuration's fault: the pod cannot work at all, and says so by ending. */
const CANNOT_LISTEN: ReadonlySet<unknown> = new Set(['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL']);

export class PodRelay {
  readonly #options: PodRelayOptions;
  #runner: RelayRunner | undefined;
  #inForce: VerifiedSet | undefined;
  #wanted: string | undefined;
  #refused: { readonly revision: string; readonly reason: string } | undefined;
  #said = '';
  /** One look after the other. */
  #turn: Promise<void> = Promise.resolve();
  #lookAgain = false;
  #ended = false;
  /** The last look did not come to its end: what kept it may pass without anything mounted anew. */
  #cutShort = false;

  constructor(options: PodRelayOptions) {
    this.#options = options;
  }

  get runner(): RelayRunner | undefined {
    return this.#runner;
  }

  get fleet(): VerifiedSet['config']['fleet'] | undefined {
    return this.#inForce?.config.fleet;
  }

  get wasCutShort(): boolean {
    return this.#cutShort;
  }

  /** Something may have changed. Rejects only when the pod cannot work at all. */
  look(): Promise<void> {
    // What comes during a look is seen by the next one, however much it is.
    if (!this.#lookAgain) {
      this.#lookAgain = true;
      this.#turn = this.#turn.then(async () => {
        this.#lookAgain = false;
        if (!this.#ended) await this.#lookAndGoOn();
      });
    }
    return this.#turn;
  }

  /** Nothing is applied any more; resolves when what was being applied is. */
  async stopFollowing(): Promise<void> {
    this.#ended = true;
    await this.#turn;
  }

  async status(): Promise<PodStatus & Partial<Omit<RelayStatus, keyof PodStatus>>> {
    const relay = await this.#runner?.status();
    // What the relay itself refused may not be wanted any more.
    const { refused: _refused, ...others } = relay ?? {};
    return {
      ...others,
      podUid: this.#options.podUid,
      formats: [CONFIG_FORMAT],
      ...(this.#wanted !== undefined && { wanted: this.#wanted }),
      ...(this.#inForce && { running: this.#inForce.config.revision }),
      ...(this.#refused && { refused: this.#refused }),
      findings: [...(relay?.findings ?? [])],
    };
  }

  /** What nobody has foreseen about a configuration must not end what runs. */
  async #lookAndGoOn(): Promise<void> {
    try {
      this.#cutShort = false;
      await this.#look();
    } catch (error) {
      this.#cutShort = true;
      if (cannotListen(error)) throw error;
      this.#options.relay.lines.log.error('a look at the configuration failed', { error });
    }
  }

  async #look(): Promise<void> {
    const { source, identity, tlsFolder } = this.#options;
    const shown = identity.see(await readTlsFolder(tlsFolder), new Date());
    if (identity.problem !== undefined)
      this.#say('warn', `the mounted TLS certificate is not used: ${identity.problem}`);
    const mounted = await source.mounted();
    this.#wanted = mounted.wanted;
    const found = this.#runner === undefined ? await source.any(mounted) : await source.wanted(mounted);
    // Another certificate may be all that a refused configuration lacked.
    if (shown) this.#refused = undefined;
    const next = this.#toApply(found);
    if (next !== undefined) await this.#run(next);
    else if (shown && this.#inForce !== undefined) await this.#run(this.#inForce);
  }

  #toApply(found: Found): VerifiedSet | undefined {
    switch (found.status) {
      case 'incomplete':
        this.#cutShort = true;
        this.#say('info', `no complete configuration to apply: ${found.reason}`);
        return undefined;
      case 'broken':
        this.#refuse(found.revision, found.reason);
        return undefined;
      case 'complete': {
        const { revision } = found.set.config;
        if (revision === this.#refused?.revision) return undefined;
        if (revision !== this.#inForce?.config.revision) return found.set;
        // Told to go on with what runs: what was refused is not wanted any more.
        this.#refused = undefined;
        return undefined;
      }
    }
  }

  async #run(set: VerifiedSet): Promise<void> {
    const { config, packed, credentials } = set;
    const identity = this.#options.identity.for(config, credentials);
    if (identity === undefined) return this.#say('warn', 'there is no TLS certificate yet: the relay waits for one');
    const { revision } = config;
    const applied = await this.#apply({ config, packed, credentials, identity });
    if (!applied.ok) return this.#refuse(revision, applied.reason);
    const isNew = this.#inForce?.config.revision !== revision;
    this.#inForce = set;
    this.#refused = undefined;
    this.#say('info', isNew ? 'new configuration' : 'new TLS certificate', { revision });
    await this.#options.source.keep(set);
  }

  async #apply(configuration: Configuration): Promise<ApplyResult> {
    if (this.#runner !== undefined) return await this.#runner.apply(configuration);
    try {
      this.#runner = await runRelay(this.#options.relay, configuration, this.#options.workers);
      return { ok: true };
    } catch (error) {
      if (cannotListen(error)) throw error;
      return { ok: false, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  #refuse(revision: string, reason: string): void {
    this.#refused = { revision, reason };
    this.#say('error', `a configuration is refused, what runs stays in force: ${reason}`, { revision });
  }

  /** The same again is no news. */
  #say(level: 'info' | 'warn' | 'error', text: string, fields: Readonly<Record<string, string>> = {}): void {
    const said = `${text} ${fields['revision'] ?? ''}`;
    if (said === this.#said) return;
    this.#said = said;
    this.#options.relay.lines.log[level](text, fields);
  }
}

function cannotListen(error: unknown): boolean {
  return error instanceof Error && 'code' in error && CANNOT_LISTEN.has(error.code);
}
