/** Brings one fleet's configuration to its pods: writes what rollout decides, and knows what each pod runs. */

import { CONFIG_FORMAT } from '../../relay/core/config.ts';
import type { Manifest, ManifestRevision, PieceReference } from '../../relay/core/manifest.ts';
import type { CompiledFleet, Piece } from '../compilation/compiler.ts';
import type { FleetIdentity } from '../manifests/input.ts';
import { FLEET_LABEL, REVISION_ANNOTATION, TOUCH_ANNOTATION } from '../manifests/names.ts';
import { relayPods } from '../pods/relay-pods.ts';
import { decide, emptyMemory } from '../rollout/decide.ts';
import type { RolloutDecision, RolloutMemory } from '../rollout/decision.ts';
import type { PodReport, RelayPod } from '../rollout/pods.ts';
import { POD } from './kinds.ts';
import { mendManifest, mendSlots } from './mend.ts';
import { SlotStore, type StoreResult } from './slot-store.ts';
import type { Surroundings } from './surroundings.ts';

/** How old the stored memory of what is held may get while nothing else changes: it carries times of expiry. */
const MEMORY_AGE_MS = 3_600_000;
/** A pod that says what it should needs no asking more often than this. */
const ASK_AGAIN_MS = 9_000;
/** What is stored cannot be read now. */
const RETRY_MS = 1000;

type Published = Pick<CompiledFleet, 'pieces' | 'parts' | 'ports'>;

export interface ConfigLook {
  readonly result: StoreResult;
  readonly lookAgainMs: number;
}

export class FleetConfig {
  readonly #around: Surroundings;
  readonly #fleet: FleetIdentity;
  readonly #store: SlotStore;
  /** Of every revision that the manifest lists. */
  readonly #published = new Map<string, Published>();
  #memoryPieces: readonly Piece[] = [];
  #memory: RolloutMemory;
  #reports: ReadonlyMap<string, PodReport> = new Map();
  #manifestWritten: number;
  #restored = false;
  #histories: number;

  constructor(around: Surroundings, fleet: FleetIdentity) {
    this.#around = around;
    this.#fleet = fleet;
    this.#store = new SlotStore(around.api, fleet, around.assertLeader);
    this.#memory = emptyMemory(around.now());
    this.#manifestWritten = around.now();
    this.#histories = around.world.histories;
  }

  get isRestored(): boolean {
    return this.#restored;
  }

  get reports(): ReadonlyMap<string, PodReport> {
    return this.#reports;
  }

  get memory(): RolloutMemory {
    return this.#memory;
  }

  get proven(): string | undefined {
    return this.#store.manifest?.revisions.find(({ state }) => state === 'proven')?.revision;
  }

  get parts(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return new Map([...this.#published].map(([revision, { parts }]) => [revision, parts]));
  }

  /** Of what is compiled and of what pods may run meanwhile: that is another while something is not known or has failed. */
  nextHopPorts({ ports }: CompiledFleet): number[] {
    const all = [ports, ...[...this.#published.values()].map((published) => published.ports)];
    return [...new Set(all.flatMap(({ nextHops }) => nextHops))].sort((a, b) => a - b);
  }

  pods(): RelayPod[] {
    const { namespace, name } = this.#fleet;
    return relayPods(this.#around.world.pods.labelled(namespace, FLEET_LABEL, name));
  }

  /**
   * What ran before this process must be known before anything is compiled: it says who holds which name. Where it
   * cannot be read back any more, the fleet goes on without it, and says so.
   */
  async restore(): Promise<StoreResult> {
    const read = await this.#store.read();
    if (!read.ok) return read;
    const stored = read.value;
    this.#restored = true;
    if (stored === undefined) return { ok: true };
    if (!stored.complete) return this.#forget(stored.reason);
    const restored = await this.#around.compiler.restore(stored.fleet);
    if (!restored.ok) return this.#forget(restored.reason);
    const { parts, ports } = restored;
    this.#published.set(stored.fleet.revision, { pieces: stored.pieces, parts, ports });
    this.#memoryPieces = stored.memory;
    return { ok: true };
  }

  #forget(reason: string): StoreResult {
    // What the manifest still lists of it is there no more: the next look writes what is held now.
    this.#manifestWritten = -Infinity;
    const message =
      `What ran before cannot be read back (${reason}): who holds a name that several claim is decided anew, and what ` +
      'was deleted lately is on hold no more.';
    this.#event('Warning', 'ConfigurationLost', message);
    return { ok: true };
  }

  /** Asks pods, and does nothing. */
  async observe(): Promise<void> {
    await this.#ask(this.pods());
  }

  /** One look: asks pods, decides, and does what was decided. `desired` undefined: nothing may be published now. */
  async look(compiled: CompiledFleet | undefined, desired: string | undefined): Promise<ConfigLook> {
    const pods = this.pods();
    await this.#ask(pods);
    this.#recognise(compiled);
    const mended = await this.#mend();
    if (!mended.ok) return { result: mended, lookAgainMs: RETRY_MS };
    const decision = decide({
      now: this.#around.now(),
      manifest: this.#store.manifest,
      desired,
      pods,
      reports: this.#reports,
      memory: this.#memory,
    });
    const written = await this.#execute(decision, compiled);
    this.#tell(decision.memory);
    // Also when something could not be written: that a revision has failed must not be forgotten.
    this.#memory = decision.memory;
    return { result: written, lookAgainMs: decision.lookAgainMs };
  }

  /** A revision that an earlier leader has listed and that was compiled again is known by what was compiled. */
  #recognise(compiled: CompiledFleet | undefined): void {
    const isListed = this.#store.manifest?.revisions.some(({ revision }) => revision === compiled?.revision) === true;
    if (compiled === undefined || !isListed || this.#published.has(compiled.revision)) return;
    this.#published.set(compiled.revision, publishedOf(compiled));
  }

  async #ask(pods: readonly RelayPod[]): Promise<void> {
    const now = this.#around.now();
    const { proven } = this;
    const { answersSince = 0 } = this.#memory.proven ?? {};
    const isFresh = ({ uid, ready, annotatedRevision }: RelayPod) => {
      const report = this.#reports.get(uid);
      if (!ready || report === undefined || report.running !== proven) return false;
      const isTrying = annotatedRevision !== undefined && annotatedRevision !== proven;
      return !isTrying && report.at >= answersSince && now - report.at < ASK_AGAIN_MS;
    };
    const asked = pods.filter((pod) => pod.ip !== undefined && !pod.terminating && !isFresh(pod));
    const answers = await this.#around.askPods(asked);
    const uids = new Set(pods.map(({ uid }) => uid));
    const before = [...this.#reports].filter(([uid]) => uids.has(uid));
    this.#reports = new Map([...before, ...answers]);
  }

  /** What is lost of a slot is put back when it can be; without a manifest nothing can be decided. */
  async #mend(isDoubted = this.#histories !== this.#around.world.histories): Promise<StoreResult> {
    const { world, log } = this.#around;
    const { histories } = world;
    const listed = [...[...this.#published.values()].flatMap(({ pieces }) => pieces), ...this.#memoryPieces];
    const slots = await mendSlots(this.#store, world, this.#fleet, listed, isDoubted);
    const { namespace, name } = this.#fleet;
    if (!slots.ok) log.warn({ namespace, fleet: name, reason: slots.message }, 'a slot could not be mended');
    // A manifest that is put back must not list what is not there.
    if (isDoubted && !slots.ok) return slots;
    const manifest = await mendManifest(this.#store, world, this.#fleet, isDoubted);
    if (manifest === 'changed') return await this.restore();
    if (manifest.ok) this.#histories = histories;
    return manifest;
  }

  async #execute(decision: RolloutDecision, compiled: CompiledFleet | undefined): Promise<StoreResult> {
    const manifest = await this.#writeManifest(decision, compiled);
    if (!manifest.ok) return manifest;
    let told: StoreResult = manifest;
    for (const pod of new Set([...decision.annotate.keys(), ...decision.touch])) {
      const revision = decision.annotate.get(pod);
      const result = await this.#annotate(pod, {
        ...(revision === undefined ? {} : { [REVISION_ANNOTATION]: revision }),
        [TOUCH_ANNOTATION]: this.#stamp(),
      });
      // One that cannot be told keeps no other from it.
      if (!result.ok) told = result;
    }
    return decision.prune && told.ok ? await this.#store.prune() : told;
  }

  #stamp(): string {
    return new Date(this.#around.now()).toISOString();
  }

  async #annotate(pod: string, annotations: Record<string, string>): Promise<StoreResult> {
    this.#around.assertLeader();
    const answer = await this.#around.api.merge(POD, this.#fleet.namespace, pod, { metadata: { annotations } });
    // A pod that has gone needs no annotation.
    return answer.ok || answer.status === 404 ? { ok: true } : answer;
  }

  async #writeManifest(
    { manifest: action }: RolloutDecision,
    compiled: CompiledFleet | undefined,
  ): Promise<StoreResult> {
    const before = this.#store.manifest?.revisions ?? [];
    const proven = before.filter(({ state }) => state === 'proven');
    const candidate = before.find(({ state }) => state === 'candidate');
    switch (action) {
      case 'keep':
        return await this.#refreshMemory(compiled);
      case 'publishProven':
        return await this.#publish([], 'proven', compiled);
      case 'publishCandidate':
        return await this.#publish(proven, 'candidate', compiled);
      case 'withdraw':
        return await this.#write(proven);
      case 'promote':
        return await this.#write(candidate === undefined ? proven : [{ ...candidate, state: 'proven' }]);
    }
  }

  async #publish(
    others: readonly ManifestRevision[],
    state: ManifestRevision['state'],
    compiled: CompiledFleet | undefined,
  ): Promise<StoreResult> {
    if (compiled === undefined) throw new Error('rollout publishes what nobody has compiled');
    const put = await this.#store.put([...compiled.pieces, ...compiled.memory]);
    if (!put.ok) return put;
    this.#published.set(compiled.revision, publishedOf(compiled));
    const entry: ManifestRevision = { revision: compiled.revision, state, pieces: referencesTo(compiled.pieces) };
    return await this.#write([...others, entry], compiled.memory);
  }

  /** What is held carries times: a stored memory must not be older than they allow. */
  async #refreshMemory(compiled: CompiledFleet | undefined): Promise<StoreResult> {
    const { manifest } = this.#store;
    const isLast = manifest?.revisions.length === 1 && manifest.revisions[0]?.revision === compiled?.revision;
    if (compiled === undefined || !isLast || this.#around.now() - this.#manifestWritten < MEMORY_AGE_MS) {
      return { ok: true };
    }
    const isSame = compiled.memory.map(({ key }) => key).join() === manifest.memory.map(({ key }) => key).join();
    if (isSame) return { ok: true };
    const put = await this.#store.put(compiled.memory);
    return put.ok ? await this.#write(manifest.revisions, compiled.memory) : put;
  }

  /** The one write that counts: from here on pods may run what it lists. */
  async #write(revisions: readonly ManifestRevision[], memory = this.#memoryPieces): Promise<StoreResult> {
    const { namespace, name } = this.#fleet;
    const content: Manifest = { format: CONFIG_FORMAT, revisions: [...revisions], memory: referencesTo(memory) };
    const result = await this.#store.writeManifest(content);
    if (!result.ok) {
      // Somebody else has written it: what is there now is read before anything else is decided.
      if (result.status === 409 || result.status === 404) {
        const mended = this.#store.manifest === undefined ? await this.restore() : await this.#mend(true);
        if (!mended.ok) return mended;
      }
      return result;
    }
    this.#manifestWritten = this.#around.now();
    this.#memoryPieces = memory;
    for (const revision of this.#published.keys()) {
      if (!revisions.some((listed) => listed.revision === revision)) this.#published.delete(revision);
    }
    const proven = revisions.find(({ state }) => state === 'proven')?.revision;
    const listed = revisions.map(({ revision, state }) => `${revision.slice(0, 12)} ${state}`);
    this.#around.log.info({ namespace, fleet: name, revisions: listed }, 'manifest written');
    if (proven === undefined || this.#published.has(proven)) {
      if (proven !== undefined) this.#around.compiler.inForce(namespace, name, proven);
      return result;
    }
    // An earlier leader's candidate: what it holds is known only from what is stored.
    return await this.restore();
  }

  #tell(next: RolloutMemory): void {
    if (next.failed === undefined || next.failed.revision === this.#memory.failed?.revision) return;
    this.#event('Warning', 'CanaryFailed', next.failed.reason);
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { namespace, name, uid } = this.#fleet;
    this.#around.event({ kind: 'RelayFleet', namespace, name, uid }, type, reason, message);
  }
}

const publishedOf = ({ pieces, parts, ports }: CompiledFleet): Published => ({ pieces, parts, ports });

function referencesTo(pieces: readonly Piece[]): PieceReference[] {
  return pieces.map(({ slot, key }) => ({ slot, key }));
}
