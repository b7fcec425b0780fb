/** Counters that cost one addition: prom-client reads them when it is scraped, and looks up no label before. */

import { Counter, Gauge, type Registry } from 'prom-client';

export interface Count {
  /** Adds 1, or `by` (0 or more). */
  add(by?: number): void;
}

export interface Level {
  /** Adds 1, or `by`, which may be negative. */
  add(by?: number): void;
}

/** One Count for every value that a label can have: all of them are exported, at 0, from the start. */
export type Counts<Value extends string> = Readonly<Record<Value, Count>>;

class Tally implements Count, Level {
  value = 0;
  add(by = 1): void {
    this.value += by;
  }
}

export function level(registry: Registry, name: string, help: string): Level {
  const tally = new Tally();
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(tally.value);
    },
  });
  return tally;
}

/** A number that somebody else keeps, read at every scrape. */
export interface Reading {
  from(read: () => number): void;
}

export function reading(registry: Registry, name: string, help: string): Reading {
  let read = () => 0;
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
  return {
    from: (source) => {
      read = source;
    },
  };
}

export function counter(registry: Registry, name: string, help: string): Count {
  const tally = new Tally();
  exportCounter(registry, name, help, [{ labels: {}, tally }]);
  return tally;
}

export function counters<Value extends string>(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  values: readonly Value[],
): Counts<Value> {
  const tallies = values.map((value) => ({ value, labels: { [label]: value }, tally: new Tally() }));
  exportCounter(registry, name, help, tallies);
  return Object.fromEntries(tallies.map(({ value, tally }) => [value, tally])) as Record<Value, Tally>;
}

/** A Count for every pair of values of two labels. */
export function counterPairs<Outer extends string, Inner extends string>(
  registry: Registry,
  name: string,
  help: string,
  labels: readonly [string, string],
  outer: readonly Outer[],
  inner: readonly Inner[],
): Readonly<Record<Outer, Counts<Inner>>> {
  const tallies = outer.flatMap((first) =>
    inner.map((second) => ({ first, second, labels: { [labels[0]]: first, [labels[1]]: second }, tally: new Tally() })),
  );
  exportCounter(registry, name, help, tallies);
  const of = (first: Outer) => tallies.filter((entry) => entry.first === first);
  return Object.fromEntries(
    outer.map((first) => [first, Object.fromEntries(of(first).map(({ second, tally }) => [second, tally]))]),
  ) as Record<Outer, Record<Inner, Tally>>;
}

interface Exported {
  readonly labels: Readonly<Record<string, string>>;
  readonly tally: Tally;
}

function exportCounter(registry: Registry, name: string, help: string, exported: readonly Exported[]): void {
  new Counter({
    name,
    help,
    labelNames: Object.keys(exported[0]?.labels ?? {}),
    registers: [registry],
    collect() {
      // prom-client's counters cannot be set, only added to.
      this.reset();
      for (const { labels, tally } of exported) this.inc(labels, tally.value);
    },
  });
}
