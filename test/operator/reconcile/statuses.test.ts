/** Which statuses are looked at, and what they are made from, when objects and fleets come and go under their names. */

import { describe, expect, it } from 'vitest';
import { KINDS, type Kind } from '../../../crds/v1alpha1/kinds.ts';
import type { Compilation } from '../../../operator/compilation/compiler.ts';
import type { KubeObject } from '../../../operator/kube/api.ts';
import { Intake } from '../../../operator/reconcile/intake.ts';
import { RESOURCES } from '../../../operator/reconcile/kinds.ts';
import { ObjectCache } from '../../../operator/reconcile/object-cache.ts';
import { Statuses } from '../../../operator/reconcile/statuses.ts';
import type { World } from '../../../operator/reconcile/world.ts';
import type { FleetFacts } from '../../../operator/status/facts.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const api = { get: () => Promise.reject(new Error('nothing is referred to')) };

function object(kind: Kind, name: string, uid: string, spec: object, generation = 1): KubeObject {
  const metadata = { namespace: 'mail', name, uid, generation };
  return { apiVersion: 'isthmus.dev/v1alpha1', kind, metadata, spec };
}
const domain = (name: string, uid = name, generation = 1) =>
  object('SharedDomain', name, uid, { domain: `${name}.example` }, generation);

/** Domains of the fleet `default`, each compiled and in force as `hash`. */
function statusesOf(...domains: KubeObject[]) {
  const resources = new Map(KINDS.map((kind) => [kind, new ObjectCache(RESOURCES[kind])]));
  const none = { Secret: new ObjectCache(RESOURCES.RelayFleet), ConfigMap: new ObjectCache(RESOURCES.RelayFleet) };
  const intake = new Intake({ api: api as never, metadata: none, onChange: () => undefined });
  const see = (each: KubeObject) => {
    resources.get(each.kind as Kind)?.take(each, false);
    intake.take(each, false);
  };
  [object('RelayFleet', 'default', 'fleet', {}), ...domains].forEach(see);
  const statuses = new Statuses({ world: { resources } as unknown as World, intake, now: () => NOW });
  const said = { status: 'True', message: 'Fine.' } as const;
  const conditions = (['Accepted', 'ResolvedRefs'] as const).map((type) => ({ type, reason: type, ...said }));
  const compiled = domains.map(({ metadata }) => ({
    ...{ kind: 'SharedDomain' as const, namespace: 'mail', name: metadata.name, conditions },
  }));
  const compilation = { fleets: [], findings: [], statuses: compiled } as unknown as Compilation;
  statuses.take(compilation, intake.versions());
  return { statuses, see };
}

function facts(running: string | undefined, hash = 'hash'): FleetFacts {
  const parts = new Map([['SharedDomain/one', hash]]);
  const pod = { uid: 'pod', name: 'pod', ready: true, terminating: false } as FleetFacts['pods'][number];
  const report = { uid: 'pod', at: NOW, formats: [1], wanted: undefined, running, refused: undefined, findings: [] };
  return {
    ...{ namespace: 'mail', name: 'default', paused: false, wanted: parts, inRevision: new Map([['r1', parts]]) },
    ...{ revision: 'r1', failed: undefined, heldBack: undefined, imageTooOld: undefined },
    pods: running === undefined ? [] : [pod],
    reports: new Map([['pod', report]]),
  };
}

const names = (tasks: ReturnType<Statuses['tasks']>) => tasks.map(({ subject }) => subject.name);
const programmed = (tasks: ReturnType<Statuses['tasks']>) =>
  tasks
    .filter(({ subject }) => subject.name === 'one')
    .map((task) => task.outcome().status.conditions?.find(({ type }) => type === 'Programmed')?.reason);

describe('statuses', () => {
  it('stay programmed when pods leave, but not when their fleet is another one of that name', () => {
    const { statuses } = statusesOf(domain('one'));
    expect(programmed(statuses.tasks('mail/default', facts('r1'), undefined))).toEqual(['Programmed']);
    expect(programmed(statuses.tasks('mail/default', facts(undefined), undefined))).toEqual(['Programmed']);
    statuses.forget('mail/default');
    expect(programmed(statuses.tasks('mail/default', facts(undefined), undefined))).toEqual(['NoReadyPods']);
  });

  it('say nothing of an object made anew before that one has been compiled', () => {
    const { statuses, see } = statusesOf(domain('one', 'first', 7));
    see(domain('one', 'second', 1));
    expect(names(statuses.tasks('mail/default', facts('r1'), undefined))).not.toContain('one');
  });

  it('come last when they could not be written', () => {
    const { statuses } = statusesOf(domain('one'), domain('two'), domain('three'));
    const tasks = () => statuses.tasks('mail/default', facts('r1'), undefined);
    expect(names(tasks())).toEqual(['one', 'two', 'three']);
    tasks()[0]?.putOff();
    expect(names(tasks())).toEqual(['two', 'three', 'one']);
  });
});
