/** Brings one fleet's configuration to its pods: writes what rollout decides, and knows what each pod runs. */

import { CONFIG_FORMAT } from '../../relay/core/config.ts';
import type { Manifest, ManifestRevision, PieceReference } from '../../relay/core/manifest.ts';
import type { CompiledFleet, Piece } from '../compilation/compiler.ts';
import type { FleetIdentity } from '../manifests/input.ts';
import {
  FLEET_LABEL,
  REVISION_ANNOTATION,
  secretSlotIds,
  slotIds,
  slotName,
  TOUCH_ANNOTATION,
} from '../manifests/names.ts';
import { relayPods } from '../pods/relay-pods.ts';
import { decide, emptyMemory } from '../rollout/decide.ts';
import type { RolloutDecision, RolloutMemory } from '../rollout/decision.ts';
import type { PodReport, RelayPod } from '../rollout/pods.ts';
import { POD } from './kinds.ts';
import { SlotStore, type StoreResult } from './slot-store.ts';
import type { Surroundings } from './surroundings.ts';

/** How old the stored memory of what is held may get while nothing else changes: it carries times of expiry. */
const MEMORY_AGE_MS = 3_600_000;
/** A pod that says what it should needs no asking more often than this. */
const ASK_AGAIN_MS = 9_000;

interface Published {
  readonly pieces: readonly Piece[];
  readonly parts: ReadonlyMap<string, string>;
}

export interface ConfigLook {
  readonly ok: boolean;
  /** Why it is not. */
  readonly problem: string | undefined;
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

  constructor(around: Surroundings, fleet: FleetIdentity) {
    this.#around = around;
    this.#fleet = fleet;
    this.#store = new SlotStore(around.api, fleet);
    this.#memory = emptyMemory(around.now());
    this.#manifestWritten = around.now();
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
    this.#published.set(stored.fleet.revision, { pieces: stored.pieces, parts: restored.parts });
    this.#memoryPieces = stored.memory;
    return { ok: true };
  }

  #forget(reason: string): StoreResult {
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
    await this.#mendSlots();
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
    if (!written.ok) return { ok: false, problem: written.message, lookAgainMs: decision.lookAgainMs };
    return { ok: true, problem: undefined, lookAgainMs: decision.lookAgainMs };
  }

  /** A revision that an earlier leader has listed and that was compiled again is known by what was compiled. */
  #recognise(compiled: CompiledFleet | undefined): void {
    const isListed = this.#store.manifest?.revisions.some(({ revision }) => revision === compiled?.revision) === true;
    if (compiled === undefined || !isListed || this.#published.has(compiled.revision)) return;
    this.#published.set(compiled.revision, { pieces: compiled.pieces, parts: compiled.parts });
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

  /** Slots that somebody else has changed or removed since they were written are looked at, and what is lost is put back. */
  async #mendSlots(): Promise<void> {
    const { namespace, name } = this.#fleet;
    const { configMaps, secrets } = this.#around.world;
    for (const slot of [...slotIds(), ...secretSlotIds()]) {
      const known = this.#store.resourceVersionOf(slot);
      if (known === undefined) continue;
      const seen = (slot.startsWith('s') ? secrets : configMaps).get(namespace, slotName(name, slot))?.metadata;
      // The watch may be behind; resourceVersions of one kind of object grow.
      if (seen !== undefined && Number(seen.resourceVersion) <= Number(known)) continue;
      await this.#store.inspect(slot);
    }
    const listed = [...[...this.#published.values()].flatMap(({ pieces }) => pieces), ...this.#memoryPieces];
    const result = await this.#store.put(listed);
    if (!result.ok)
      this.#around.log.warn({ fleet: name, namespace, reason: result.message }, 'a slot could not be mended');
  }

  async #execute(decision: RolloutDecision, compiled: CompiledFleet | undefined): Promise<StoreResult> {
    const manifest = await this.#writeManifest(decision, compiled);
    if (!manifest.ok) return manifest;
    for (const [pod, revision] of decision.annotate) {
      const result = await this.#annotate(pod, { [REVISION_ANNOTATION]: revision, [TOUCH_ANNOTATION]: this.#stamp() });
      if (!result.ok) return result;
    }
    for (const pod of decision.touch) {
      if (decision.annotate.has(pod)) continue;
      const result = await this.#annotate(pod, { [TOUCH_ANNOTATION]: this.#stamp() });
      if (!result.ok) return result;
    }
    if (!decision.prune) return manifest;
    this.#around.assertLeader();
    return await this.#store.prune();
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
    this.#around.assertLeader();
    const put = await this.#store.put([...compiled.pieces, ...compiled.memory]);
    if (!put.ok) return put;
    this.#published.set(compiled.revision, { pieces: compiled.pieces, parts: compiled.parts });
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
    this.#around.assertLeader();
    const { namespace, name } = this.#fleet;
    const content: Manifest = { format: CONFIG_FORMAT, revisions: [...revisions], memory: referencesTo(memory) };
    const result = await this.#store.writeManifest(content);
    if (!result.ok) {
      // Somebody else has written it: what is there now is read before anything else is decided.
      if (result.status === 409 || result.status === 404) {
        const restored = await this.restore();
        if (!restored.ok) return restored;
      }
      return result;
    }
    this.#manifestWritten = this.#around.now();
    this.#memoryPieces = memory;
    for (const revision of this.#published.keys()) {
      if (!revisions.some((listed) => listed.revision === revision)) this.#published.delete(revision);
    }
    const proven = revisions.find(({ state }) => state === 'proven')?.revision;
    if (proven !== undefined) this.#around.compiler.inForce(namespace, name, proven);
    const listed = revisions.map(({ revision, state }) => `${revision.slice(0, 12)} ${state}`);
    this.#around.log.info({ namespace, fleet: name, revisions: listed }, 'manifest written');
    return result;
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

function referencesTo(pieces: readonly Piece[]): PieceReference[] {
  return pieces.map(({ slot, key }) => ({ slot, key }));
}
