/** One RelayFleet: its secrets, its objects and its configuration are brought to what they should be, a look at a time. */

import type { RelayFleet } from '../../crds/v1alpha1/relay-fleet.ts';
import { CONFIG_FORMAT } from '../../relay/core/config.ts';
import type { CompiledFleet } from '../compilation/compiler.ts';
import type { FleetIdentity } from '../manifests/input.ts';
import { ownCertificateName, ownSigningKeyName } from '../manifests/names.ts';
import type { FleetFacts, WorkloadFacts } from '../status/facts.ts';
import { FleetConfig } from './fleet-config.ts';
import { FleetSecrets } from './fleet-secrets.ts';
import { FleetWorkload } from './fleet-workload.ts';
import { type Trouble, troubleOf } from './object-set.ts';
import type { StoreResult } from './slot-store.ts';
import type { Surroundings } from './surroundings.ts';

/** Without any change a fleet is looked at this often: its pods are asked, and what somebody else has changed is mended. */
const IDLE_MS = 10_000;

export interface Look {
  /** Why the configuration could not be brought further; undefined: it is where it can be. */
  readonly problem: string | undefined;
  readonly lookAgainMs: number;
}

type About = 'signing key' | 'certificate' | 'configuration';

const NOTHING_TO_DO: Look = { problem: undefined, lookAgainMs: IDLE_MS };

export class Fleet {
  readonly identity: FleetIdentity;
  readonly #config: FleetConfig;
  readonly #workload: FleetWorkload;
  readonly #secrets: FleetSecrets;
  #compiled: CompiledFleet | undefined;
  /** By what it is about: what stands in the way besides the objects. */
  readonly #troubles = new Map<About, Trouble>();

  constructor(around: Surroundings, identity: FleetIdentity) {
    this.identity = identity;
    this.#config = new FleetConfig(around, identity);
    this.#workload = new FleetWorkload(around);
    this.#secrets = new FleetSecrets(around, identity);
  }

  /** What ran before is known. */
  get isRestored(): boolean {
    return this.#config.isRestored;
  }

  /**
   * Before it is compiled: what ran before is read back, and the key that compile needs is there. Without that key
   * passes are not counted, which is worth nobody's waiting.
   */
  async prepare(resource: RelayFleet | undefined): Promise<StoreResult> {
    if (!this.#config.isRestored) {
      const restored = await this.#config.restore();
      if (!restored.ok) return restored;
    }
    if (resource !== undefined && !isLeftAlone(resource)) {
      const made = await this.#secrets.keepSigningKey(resource);
      this.#remember('signing key', `Secret ${ownSigningKeyName(this.identity.name)} cannot be made`, made);
    }
    return { ok: true };
  }

  take(compiled: CompiledFleet | undefined): void {
    this.#compiled = compiled;
  }

  /** `resource` undefined: it fails its schema, and what there is stays as it is. */
  async look(resource: RelayFleet | undefined, relayImage: string): Promise<Look> {
    const compiled = this.#compiled;
    if (resource === undefined || compiled === undefined) return NOTHING_TO_DO;
    if (isLeftAlone(resource)) {
      await this.#config.observe();
      return NOTHING_TO_DO;
    }
    const certificate = await this.#secrets.keepCertificate(resource, compiled.hostname);
    this.#remember('certificate', `Secret ${ownCertificateName(this.identity.name)} cannot be kept`, certificate);
    const fleet = { ...this.identity, spec: resource.spec };
    const ports = { nextHops: this.#config.nextHopPorts(compiled) };
    const retryInMs = (await this.#workload.keep({ fleet, compiled: { ...compiled, ports }, relayImage })) ?? IDLE_MS;
    // Of this very compilation: another may have come meanwhile, and say less of what is not known.
    const desired = heldBack(compiled) === undefined ? compiled.revision : undefined;
    const config = await this.#config.look(compiled, desired);
    this.#remember('configuration', 'The configuration cannot be stored', config.result);
    const problem = config.result.ok ? undefined : config.result.message;
    return { problem, lookAgainMs: Math.min(config.lookAgainMs, retryInMs) };
  }

  facts(): FleetFacts | undefined {
    const compiled = this.#compiled;
    if (compiled === undefined) return undefined;
    const { namespace, name } = this.identity;
    const reports = this.#config.reports;
    return {
      namespace,
      name,
      paused: compiled.paused,
      wanted: compiled.parts,
      inRevision: new Map([...this.#config.parts, [compiled.revision, compiled.parts]]),
      revision: compiled.revision,
      pods: this.#config.pods(),
      reports,
      failed: this.#config.memory.failed,
      proven: this.#config.proven,
      reportsSince: this.#config.memory.proven?.answersSince,
      heldBack: heldBack(compiled),
      imageTooOld: [...reports.values()].some(({ formats }) => !formats.includes(CONFIG_FORMAT)) ? TOO_OLD : undefined,
    };
  }

  workload(resource: RelayFleet): WorkloadFacts {
    const fleet = { ...this.identity, spec: resource.spec };
    return this.#workload.facts(fleet, this.#compiled, this.#config.pods(), [...this.#troubles.values()]);
  }

  liveImage(): string | undefined {
    return this.#workload.liveImage(this.identity);
  }

  /** Its pods run the relay that it should have, and what was compiled last. */
  isSettled(): boolean {
    const pods = this.#config.pods().filter(({ terminating }) => !terminating);
    const runsIt = (uid: string) => this.#config.reports.get(uid)?.running === this.#compiled?.revision;
    return this.#workload.isRolledOut(this.identity) && pods.every(({ uid, ready }) => ready && runsIt(uid));
  }

  /** Told where it will not pass by itself: somebody who was faster, or a busy server, is no news. */
  #remember(about: About, what: string, result: StoreResult): void {
    const trouble = result.ok ? undefined : troubleOf(what, result);
    // A fleet without either of its own keys serves.
    if (trouble?.refused === true) this.#troubles.set(about, { ...trouble, refused: about === 'configuration' });
    else this.#troubles.delete(about);
  }
}

/** Paused, or about to be deleted: what the garbage collector takes away must not be made again. */
function isLeftAlone({ metadata, spec }: RelayFleet): boolean {
  return spec.paused || metadata.deletionTimestamp !== undefined;
}

function heldBack({ unknown, tooLarge }: CompiledFleet): string | undefined {
  if (tooLarge !== undefined) return tooLarge;
  if (unknown.length === 0) return undefined;
  return `What is not known proves nothing, so the configuration before stays in force: ${unknown.join(' ')}`;
}

const TOO_OLD =
  `The image of this fleet does not read configurations of format ${CONFIG_FORMAT}: what runs is left as it is. ` +
  'Set spec.image to a newer one, or leave it out to follow the operator.';
