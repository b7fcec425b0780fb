/** The operator: waits until it leads, then keeps every fleet; ends, to be started again, when it leads no longer. */

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pino, { type Logger } from 'pino';
import { clusterResolvers } from './cluster-resolvers.ts';
import type { Compiler } from './compilation/compiler.ts';
import { startCompiler } from './compilation/start.ts';
import { connect, type Kube } from './kube/client.ts';
import { elect, type Election, LeadershipLost } from './kube/election.ts';
import { type EventRecorder, eventRecorder } from './kube/events.ts';
import { OPERATOR_LEASE } from './kube/lease.ts';
import { type OperatorMetrics, operatorMetrics } from './metrics.ts';
import { askPods } from './pods/ask-pods.ts';
import { startProbes } from './probes.ts';
import { readSettings } from './read-settings.ts';
import { Controller } from './reconcile/controller.ts';
import { RESOURCES } from './reconcile/kinds.ts';
import { operatorKey } from './reconcile/operator-key.ts';
import type { Settings } from './settings.ts';

const USAGE = `The Isthmus operator.

  node operator/main.js --settings FILE [--kubeconfig FILE] [--context NAME] [--metrics-port 8080] [--health-port 8081]

Without --kubeconfig it uses KUBECONFIG, or the service account of the pod that it runs in.
`;

/** A Secret that cannot be read or made yet, as while the API server restarts. */
const RETRY_MS = 2000;
const POD_NAME = process.env['POD_NAME'] ?? hostname();
/** What is being written gets this long; a hanging API server must not keep the lease from being released. */
const FINISH_MS = 5000;

/**
 * Milliseconds since 1970 that never jump: a clock that is set would make old answers of pods fresh, and a canary late.
 * One that is set forward ends the lease, and with it this process.
 */
const now = () => Math.round(performance.timeOrigin + performance.now());

/** What happened and where, with its causes: other fields of an error may hold the very input that it is about. */
function toldError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  return { type: name, message, stack, ...(cause === undefined ? {} : { cause: toldError(cause) }) };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      settings: { type: 'string' },
      kubeconfig: { type: 'string' },
      context: { type: 'string' },
      'metrics-port': { type: 'string', default: '8080' },
      'health-port': { type: 'string', default: '8081' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true || values.settings === undefined) {
    process.stderr.write(USAGE);
    return values.help === true ? 0 : 2;
  }
  const read = readSettings(values.settings);
  if (!read.ok) {
    for (const problem of read.problems) process.stderr.write(`isthmus-operator: ${problem}\n`);
    return 2;
  }
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: toldError } });
  const metrics = operatorMetrics();
  const { kubeconfig, context } = values;
  const kube = connect({
    userAgent: 'isthmus-operator',
    metrics,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
  const operator = new Operator(kube, read.settings, metrics, log);
  const probes = await startProbes({
    metricsPort: Number(values['metrics-port']),
    healthPort: Number(values['health-port']),
    metrics: metrics.registry,
    isReady: () => operator.isReady(),
    isAlive: () => operator.isAlive(),
  });
  try {
    return await operator.run();
  } finally {
    await probes.close();
    await kube.close();
  }
}

class Operator {
  readonly #kube: Kube;
  readonly #settings: Settings;
  readonly #metrics: OperatorMetrics;
  readonly #log: Logger;
  readonly #namespace: string;
  readonly #election: Election;
  readonly #end = Promise.withResolvers<number>();
  #leaseTrouble: string | undefined;
  #leads = false;
  #isEnding = false;
  #controller: Controller | undefined;
  #compiler: Compiler | undefined;
  #events: EventRecorder | undefined;

  constructor(kube: Kube, settings: Settings, metrics: OperatorMetrics, log: Logger) {
    this.#kube = kube;
    this.#settings = settings;
    this.#metrics = metrics;
    this.#log = log;
    this.#namespace = process.env['POD_NAMESPACE'] ?? kube.ownNamespace;
    const { leaseName, leaseDurationSeconds, renewDeadlineSeconds, retryPeriodSeconds } = settings.leaderElection;
    this.#election = elect({
      kube,
      namespace: this.#namespace,
      leaseName,
      labels: OPERATOR_LEASE,
      identity: `${POD_NAME}_${randomUUID()}`,
      leaseDurationMs: leaseDurationSeconds * 1000,
      renewDeadlineMs: renewDeadlineSeconds * 1000,
      retryPeriodMs: retryPeriodSeconds * 1000,
      metrics,
      onTrouble: ({ message }) => {
        // A stand-by whose API server is away would say it every second.
        if (message !== this.#leaseTrouble) log.warn({ reason: message }, 'the lease could not be read or written');
        this.#leaseTrouble = message;
      },
    });
  }

  /** One that waits for its turn is ready; one that leads is when it has seen something to work on. */
  isReady(): boolean {
    return !this.#leads || this.#controller?.isSynced() === true;
  }

  isAlive(): boolean {
    return !this.#election.signal.aborted;
  }

  async run(): Promise<number> {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        this.#log.info({ signal }, 'ending');
        this.#end.resolve(0);
      });
    }
    this.#log.info({ namespace: this.#namespace, server: this.#kube.server }, 'waiting to lead');
    this.#lead().catch((error: unknown) => this.#fail(error));
    const code = await this.#end.promise;
    this.#isEnding = true;
    await Promise.race([this.#finish(), delay(FINISH_MS)]);
    // Only now: whoever leads next must not meet what is still being written.
    await this.#election.stop();
    return code;
  }

  async #finish(): Promise<void> {
    await this.#controller?.stop();
    // Who leads no longer says nothing more.
    if (this.#election.isLeader()) await this.#events?.stop();
    await this.#compiler?.close();
  }

  async #lead(): Promise<void> {
    await this.#election.acquired;
    this.#leads = true;
    this.#election.signal.addEventListener('abort', () => this.#fail(this.#election.signal.reason));
    this.#log.info({}, 'leading');
    const compiler = await startCompiler(
      { credentialKey: await this.#key(), domains: this.#settings.domains },
      // Nothing would be compiled any more: whoever leads next has a fresh one.
      { onDeath: (error) => this.#fail(error) },
    );
    const events = eventRecorder({
      api: this.#kube,
      component: 'isthmus-operator',
      instance: hostname(),
      onTrouble: (failure, { about, reason }) => {
        this.#log.warn({ about, event: reason, reason: failure.message }, 'an event could not be written');
      },
    });
    [this.#compiler, this.#events] = [compiler, events];
    this.#controller = new Controller({
      api: this.#kube,
      compiler,
      settings: this.#settings,
      operatorNamespace: this.#namespace,
      clusterResolvers: clusterResolvers(),
      log: this.#log,
      metrics: this.#metrics,
      now,
      delay: (ms) => delay(ms),
      assertLeader: () => this.#election.assertLeader(),
      askPods: (pods) => askPods(pods, { now }),
      event: ({ kind, namespace, name, uid }, type, reason, note) => {
        const about = { apiVersion: RESOURCES[kind].apiVersion, kind, namespace, name, ...(uid && { uid }) };
        events.record({ about, type, reason, note });
      },
      onFatal: (error) => this.#fail(error),
      tell: (reason, note) => {
        const pod = { apiVersion: 'v1', kind: 'Pod', namespace: this.#namespace, name: POD_NAME };
        events.record({ about: pod, type: 'Warning', reason, note });
      },
    });
    await this.#controller.start();
    this.#log.info({}, 'every resource has been seen');
  }

  async #key(): Promise<string> {
    for (;;) {
      this.#election.assertLeader();
      const key = await operatorKey(this.#kube, this.#namespace, this.#settings.keySecretName);
      if (key.ok) return key.value;
      this.#log.error({ reason: key.message }, 'the key of this operator cannot be read or made');
      await delay(RETRY_MS);
    }
  }

  /** There is no second term: whoever starts this process again gives it a fresh one. */
  #fail(error: unknown): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    if (error instanceof LeadershipLost) this.#log.error({ reason: error.message }, 'this process leads no longer');
    else this.#log.fatal({ err: error }, 'ending');
    this.#end.resolve(1);
  }
}

// Connections and threads that hang must not keep a process alive that leads no longer.
process.exit(await main());
