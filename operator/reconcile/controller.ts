/** The leader's work: what the watches tell is compiled, and every fleet is brought to what came of it. */

import type { Kind } from '../../crds/v1alpha1/kinds.ts';
import type { Compiler, NotKnown } from '../compilation/compiler.ts';
import type { KubeObject } from '../kube/api.ts';
import type { Kube } from '../kube/client.ts';
import { LeadershipLost } from '../kube/election.ts';
import { type Worked, type WorkQueue, workQueue } from '../kube/queue.ts';
import type { OperatorMetrics } from '../metrics.ts';
import { announcements } from './announce.ts';
import { keepDefaultFleet } from './default-fleet.ts';
import { Fleets } from './fleets.ts';
import { Intake } from './intake.ts';
import { keyOf } from './kinds.ts';
import { Statuses } from './statuses.ts';
import { StatusWriter } from './status-writer.ts';
import type { Surroundings } from './surroundings.ts';
import { type WatchedNamespace, World } from './world.ts';

const COMPILE = 'compile';
const FLEET = 'fleet ';
/** Reads back what a fleet ran before this process. */
const RESTORE = 'restore ';
const DEFAULT_FLEET = 'default fleet';
/** Statuses of a fleet's resources; without a name, of resources that belong to no fleet. */
const STATUSES = 'statuses ';

/** Holds end and certificates expire without anybody's doing. */
const COMPILE_AGAIN_MS = 300_000;
/** A Secret that could not be read is asked for again. */
const RETRY_DATA_MS = 5_000;

/** The queue's own patience grows to a quarter of an hour; what stood in the way may be gone much sooner. */
const LONGEST_RETRY_MS = 10_000;

/** Fleets wait for their API calls and pods, not for the processor. */
const CONCURRENCY = 8;

/** The API server or a pod has not done what it will do; said in words, and tried again. */
class NotYet extends Error {
  override readonly name = 'NotYet';
}

export interface ControllerOptions extends Omit<Surroundings, 'world'> {
  readonly api: Kube;
  readonly compiler: Compiler;
  readonly metrics: OperatorMetrics;
  readonly delay: (ms: number) => Promise<void>;
  /** Something that no retry mends. */
  readonly onFatal: (error: unknown) => void;
  /** Something about this operator itself that an event should say. */
  readonly tell: (reason: string, note: string) => void;
}

export class Controller {
  readonly #options: ControllerOptions;
  readonly #around: Surroundings;
  readonly #world: World;
  readonly #intake: Intake;
  readonly #statuses: Statuses;
  readonly #writer: StatusWriter;
  readonly #queue: WorkQueue;
  readonly #fleets: Fleets;
  readonly #unseen = new Set<WatchedNamespace>();

  constructor(options: ControllerOptions) {
    this.#options = options;
    const { api, settings, now, assertLeader, log, delay } = options;
    this.#world = new World({
      api,
      namespaces: settings.watchNamespaces,
      log,
      events: {
        resource: (object, gone) => this.#seeResource(object, gone),
        data: (object) => this.#seeData(object),
        workload: (namespace, fleet) => this.#lookAt(namespace, fleet),
        seen: (namespace) => this.#startOn(namespace),
        unseen: (namespace, reason) => this.#waitFor(namespace, reason),
        unknown: (kind) => this.#lose(kind),
        wentBack: (kind, namespace) => {
          this.#intake.doubt(kind, namespace);
          this.#lose(kind);
        },
      },
    });
    this.#around = { ...options, world: this.#world };
    const metadata = { Secret: this.#world.secrets, ConfigMap: this.#world.configMaps };
    this.#intake = new Intake({
      api,
      metadata,
      hasSeen: (namespace) => this.#world.hasSeen(namespace),
      onChange: () => this.#queueCompile(),
    });
    this.#fleets = new Fleets(this.#around, this.#intake);
    this.#statuses = new Statuses({
      world: this.#world,
      intake: this.#intake,
      now,
      said: ({ kind, namespace, name }, { status }) => {
        if (kind === 'RelayFleet') options.metrics.fleetStatus({ namespace, name }, status);
      },
    });
    this.#writer = new StatusWriter({
      api,
      assertLeader,
      delay,
      log,
      onWritten: (subject, result, written) => {
        this.#world.resources.get(subject.kind)?.take(written, false);
        const { uid } = written.metadata;
        for (const { type, reason, message } of announcements(subject, result)) {
          options.event({ ...subject, uid }, type, reason, message);
        }
      },
    });
    this.#queue = workQueue({
      name: 'relayfleet',
      concurrency: CONCURRENCY,
      metrics: options.metrics,
      worker: (key) => this.#work(key),
      onError: (key, error, retryInMs) => this.#failed(key, error, retryInMs),
    });
  }

  /** Work on a namespace begins when it has been seen. Resolves when all of them have been. */
  async start(): Promise<void> {
    this.#queue.start();
    await this.#world.start();
  }

  /** It has something to work on, and does. */
  isSynced(): boolean {
    return this.#world.namespaces().some(({ seen }) => seen);
  }

  /** What is under way is finished, nothing new begins. */
  async stop(): Promise<void> {
    this.#world.stop();
    await this.#queue.stop();
  }

  #startOn(namespace: WatchedNamespace): void {
    const { log, metrics } = this.#options;
    if (this.#unseen.delete(namespace)) log.info({ namespace: namespace ?? '(all)' }, 'can be read now');
    metrics.namespaces(this.#world.namespaces());
    this.#queue.addAfter(DEFAULT_FLEET, 0);
    this.#queue.add(COMPILE);
  }

  #waitFor(namespace: WatchedNamespace, reason: string): void {
    this.#options.metrics.namespaces(this.#world.namespaces());
    if (this.#unseen.has(namespace)) return;
    this.#unseen.add(namespace);
    const what = namespace === undefined ? 'Not all can be read, and' : `Namespace ${namespace} cannot be read, and`;
    this.#options.tell('NamespaceUnreadable', `${what} its fleets are left as they are: ${reason}`);
  }

  /** Nobody deleted the default fleet that went with all of its kind. */
  #lose(kind: string): void {
    if (kind === 'RelayFleet') this.#queue.addAfter(DEFAULT_FLEET, LONGEST_RETRY_MS);
  }

  #seeResource(object: KubeObject, gone: boolean): void {
    const { kind, metadata } = object;
    this.#intake.take(object, gone);
    if (kind === 'RelayFleet') this.#lookAt(metadata.namespace, metadata.name);
    if (gone) this.#writer.forget(object);
    if (gone || this.#writer.isOwn(object)) return;
    const fleet = this.#statuses.suspect(kind as Kind, metadata.namespace ?? '', metadata.name);
    if (this.#world.hasSeen(metadata.namespace)) this.#queue.add(`${STATUSES}${fleet ?? ''}`);
  }

  #seeData(object: KubeObject): void {
    this.#intake.touch(object);
    const fleet = object.metadata.labels?.['isthmus.dev/fleet'];
    if (fleet !== undefined) this.#lookAt(object.metadata.namespace, fleet);
  }

  /** Before a namespace has been seen, nothing may be concluded from what is missing in it. */
  #queueCompile(): void {
    if (this.isSynced()) this.#queue.add(COMPILE);
  }

  #lookAt(namespace: string | undefined, fleet: string): void {
    if (this.#world.hasSeen(namespace)) this.#queue.add(`${FLEET}${keyOf(namespace, fleet)}`);
  }

  async #work(key: string): Promise<Worked> {
    const afterMs = await this.#workOn(key);
    return afterMs === undefined ? 'done' : { afterMs };
  }

  /** In how many milliseconds it is to be worked on again. */
  async #workOn(key: string): Promise<number | undefined> {
    if (key === COMPILE) return await this.#compile();
    if (key === DEFAULT_FLEET) return await this.#keepDefaultFleet();
    if (key.startsWith(RESTORE)) return await this.#restore(key.slice(RESTORE.length));
    if (key.startsWith(FLEET)) return await this.#keepFleet(key.slice(FLEET.length));
    return await this.#writeStatuses(key.slice(STATUSES.length) || undefined);
  }

  #failed(key: string, error: unknown, retryInMs: number): void {
    const { log, onFatal } = this.#options;
    if (error instanceof LeadershipLost) return;
    if (error instanceof NotYet) {
      const inMs = Math.min(retryInMs, LONGEST_RETRY_MS);
      this.#queue.addAfter(key, inMs);
      log.warn({ key, reason: error.message, retryInMs: inMs }, 'not done yet, tried again');
      return;
    }
    log.error({ key, err: error }, 'an error that nobody has foreseen');
    onFatal(error);
  }

  async #compile(): Promise<number> {
    this.#fleets.follow((key, gone) => {
      this.#statuses.forget(key);
      if (gone !== undefined) this.#options.metrics.forget(gone.identity);
    });
    const waitMs = this.#fleets.untilRestored((key) => this.#queue.addAfter(`${RESTORE}${key}`, 0));
    if (waitMs > 0) return waitMs;
    await this.#fleets.prepare();
    const { compiler, now, metrics } = this.#options;
    const versions = this.#intake.versions();
    const changes = await this.#intake.changes();
    compiler.update(changes);
    const timer = metrics.compileSeconds.startTimer();
    const compilation = await compiler.compile(now(), this.#notKnown());
    timer();
    this.#statuses.take(compilation, versions);
    for (const compiled of compilation.fleets) {
      this.#fleets.get(keyOf(compiled.namespace, compiled.name))?.take(compiled);
    }
    for (const key of this.#fleets.keys()) this.#queue.addAfter(`${FLEET}${key}`, 0);
    this.#queue.addAfter(STATUSES, 0);
    metrics.compiled(compilation);
    return this.#intake.retry() ? RETRY_DATA_MS : COMPILE_AGAIN_MS;
  }

  async #keepDefaultFleet(): Promise<undefined> {
    const failure = await keepDefaultFleet(this.#around);
    if (failure === undefined) return;
    throw new NotYet(`the default fleet cannot be made, see defaultFleet in the settings: ${failure.message}`);
  }

  async #restore(key: string): Promise<undefined> {
    const problem = await this.#fleets.restore(key);
    this.#queue.addAfter(COMPILE, 0);
    if (problem === undefined) return;
    const fleet = this.#fleets.get(key);
    if (fleet !== undefined) this.#options.metrics.unreadable(fleet.identity);
    throw new NotYet(`fleet ${key}: ${problem}`);
  }

  #notKnown(): NotKnown {
    const unseen = this.#world.namespaces().filter(({ seen }) => !seen);
    return { namespaces: unseen.map(({ name }) => name), fleets: this.#fleets.notRestored() };
  }

  async #keepFleet(key: string): Promise<number | undefined> {
    const fleet = this.#fleets.get(key);
    if (fleet === undefined) return undefined;
    const look = await fleet.look(this.#fleets.resource(key), this.#fleets.relayImage(key));
    // Deleted, or made anew, while it was looked at.
    if (this.#fleets.get(key) !== fleet) return undefined;
    this.#queue.addAfter(`${STATUSES}${key}`, 0);
    this.#options.metrics.fleet(fleet.identity, fleet.facts());
    if (look.problem !== undefined) throw new NotYet(`fleet ${key}: ${look.problem}`);
    return look.lookAgainMs;
  }

  async #writeStatuses(key: string | undefined): Promise<number | undefined> {
    const fleet = key === undefined ? undefined : this.#fleets.get(key);
    const resource = key === undefined ? undefined : this.#fleets.resource(key);
    const facts = fleet?.facts();
    // It has just been made: until it is compiled nothing is known of it, which is not that there is none.
    if (fleet !== undefined && facts === undefined) return undefined;
    const workload = resource && fleet?.workload(resource);
    const written = await this.#writer.write(this.#statuses.tasks(key, facts, workload));
    if (written.failed) throw new NotYet('a status could not be written');
    if (written.more) return 0;
    if (written.nextLookMs !== undefined) this.#statuses.lookAgain(key);
    return written.nextLookMs;
  }
}
