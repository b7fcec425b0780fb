/** One RelayFleet: its secrets, its objects and its configuration are brought to what they should be, a look at a time. */

import type { RelayFleet } from '../../crds/v1alpha1/relay-fleet.ts';
import { CONFIG_FORMAT } from '../../relay/core/config.ts';
import type { CompiledFleet } from '../compilation/compiler.ts';
import type { FleetIdentity } from '../manifests/input.ts';
import type { FleetFacts, WorkloadFacts } from '../status/facts.ts';
import { FleetConfig } from './fleet-config.ts';
import { FleetSecrets } from './fleet-secrets.ts';
import { FleetWorkload } from './fleet-workload.ts';
import type { StoreResult } from './slot-store.ts';
import type { Surroundings } from './surroundings.ts';

/** Without any change a fleet is looked at this often: its pods are asked, and what somebody else has changed is mended. */
const IDLE_MS = 10_000;

export interface Look {
  /** Everything that should be there is there. */
  readonly ok: boolean;
  readonly problem: string | undefined;
  readonly lookAgainMs: number;
}

export class Fleet {
  readonly identity: FleetIdentity;
  readonly #config: FleetConfig;
  readonly #workload: FleetWorkload;
  readonly #secrets: FleetSecrets;
  #compiled: CompiledFleet | undefined;

  constructor(around: Surroundings, identity: FleetIdentity) {
    this.identity = identity;
    this.#config = new FleetConfig(around, identity);
    this.#workload = new FleetWorkload(around);
    this.#secrets = new FleetSecrets(around, identity);
  }

  /** Before anything is compiled: what ran before is read back, and the keys that compile needs are there. */
  async prepare(resource: RelayFleet | undefined): Promise<StoreResult> {
    if (!this.#config.isRestored) {
      const restored = await this.#config.restore();
      if (!restored.ok) return restored;
    }
    return resource === undefined || resource.spec.paused ? { ok: true } : await this.#secrets.keepSigningKey(resource);
  }

  take(compiled: CompiledFleet | undefined): void {
    this.#compiled = compiled;
  }

  /** `resource` undefined: it fails its schema, and what there is stays as it is. */
  async look(resource: RelayFleet | undefined, relayImage: string): Promise<Look> {
    const compiled = this.#compiled;
    if (resource === undefined || compiled === undefined) {
      return { ok: true, problem: undefined, lookAgainMs: IDLE_MS };
    }
    if (resource.spec.paused) {
      await this.#config.observe();
      return { ok: true, problem: undefined, lookAgainMs: IDLE_MS };
    }
    const certificate = await this.#secrets.keepCertificate(resource, compiled.hostname);
    const objects = await this.#workload.keep({
      fleet: { ...this.identity, spec: resource.spec },
      compiled,
      relayImage,
    });
    const config = await this.#config.look(compiled, this.#heldBack() === undefined ? compiled.revision : undefined);
    const problem = certificate.ok ? config.problem : certificate.message;
    return { ok: certificate.ok && objects && config.ok, problem, lookAgainMs: config.lookAgainMs };
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
      heldBack: this.#heldBack(),
      imageTooOld: [...reports.values()].some(({ formats }) => !formats.includes(CONFIG_FORMAT)) ? TOO_OLD : undefined,
    };
  }

  workload(resource: RelayFleet): WorkloadFacts {
    return this.#workload.facts({ ...this.identity, spec: resource.spec }, this.#config.pods());
  }

  liveImage(): string | undefined {
    return this.#workload.liveImage(this.identity);
  }

  /** Its pods run the relay that it should have, and what was compiled last. */
  isSettled(): boolean {
    const pods = this.#config.pods().filter(({ terminating }) => !terminating);
    return pods.every(({ uid, ready }) => ready && this.#config.reports.get(uid)?.running === this.#compiled?.revision);
  }

  #heldBack(): string | undefined {
    const { unknown = [], tooLarge } = this.#compiled ?? {};
    if (tooLarge !== undefined) return tooLarge;
    if (unknown.length === 0) return undefined;
    return `What is not known proves nothing, so the configuration before stays in force: ${unknown.join(' ')}`;
  }
}

const TOO_OLD =
  `The image of this fleet does not read configurations of format ${CONFIG_FORMAT}: what runs is left as it is. ` +
  'Set spec.image to a newer one, or leave it out to follow the operator.';
