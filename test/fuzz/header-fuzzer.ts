/** Runs the laws of headers over made inputs, and makes a failing input as short as it can be. */

import { type HeaderInput, makeHeader } from './header-inputs.ts';
import { brokenHeaderLaw } from './header-laws.ts';
import { Random } from './random.ts';

export interface HeaderFailure {
  readonly seed: number;
  readonly law: string;
  /** The shortest input found that breaks the same law. */
  readonly octets: Uint8Array;
}

/** A law that throws is broken as well. */
export function headerVerdict(input: HeaderInput): string | undefined {
  try {
    return brokenHeaderLaw(input);
  } catch (error) {
    return `throws ${error instanceof Error ? error.stack : String(error)}`;
  }
}

export function fuzzHeaders(inputs: number, seed: number): HeaderFailure | undefined {
  for (let nth = 0; nth < inputs; nth++) {
    const input = makeHeader(new Random(seed + nth));
    const law = headerVerdict(input);
    if (law !== undefined) return { seed: seed + nth, law, octets: shorten(input, law) };
  }
  return undefined;
}

function shorten(input: HeaderInput, law: string): Uint8Array {
  const kind = law.split('\n')[0]?.slice(0, 25);
  let shortest = input.octets;
  for (let size = Math.ceil(shortest.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at + size <= shortest.length; ) {
      const without = Buffer.concat([shortest.subarray(0, at), shortest.subarray(at + size)]);
      const verdict = headerVerdict({ ...input, octets: without });
      if (verdict?.startsWith(kind ?? '') === true) shortest = without;
      else at += size;
    }
  }
  return shortest;
}
