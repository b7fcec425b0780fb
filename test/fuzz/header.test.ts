/** Header parsing and rewriting keep their laws on made and damaged input; `npm run fuzz -- headers` tries many more. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { fuzzHeaders, headerVerdict } from './header-fuzzer.ts';
import { makeHeader } from './header-inputs.ts';
import { Random } from './random.ts';

const KEPT = parse(readFileSync(new URL('../cases/fuzz/headers.yaml', import.meta.url), 'utf8')) as readonly {
  readonly broke: string;
  readonly octets: string;
}[];

describe('the laws of headers', () => {
  it('hold for thousands of inputs', () => {
    const failure = fuzzHeaders(4000, 1);
    expect(failure && { ...failure, octets: Buffer.from(failure.octets).toString('latin1') }).toBeUndefined();
  });

  it.each(KEPT)('hold where they were broken: $broke', ({ octets }) => {
    expect(headerVerdict({ octets: Buffer.from(octets, 'latin1'), wellFormed: false })).toBeUndefined();
  });

  it('are told when a tenant’s address is left', () => {
    // A name in clear text beside a foreign address is nobody's address, and so stays: well-formed input has none such.
    const octets = Buffer.from('From: look at tenant1.example <eve@world.example>\r\n');
    expect(headerVerdict({ octets, wellFormed: true })).toMatch(/^a tenant address is left/);
  });
});

describe('the inputs', () => {
  it('are the same for the same seed', () => {
    expect(makeHeader(new Random(7))).toEqual(makeHeader(new Random(7)));
  });

  it('are often well-formed, often damaged, and full of addresses', () => {
    const made = Array.from({ length: 300 }, (_, seed) => makeHeader(new Random(seed)));
    expect(made.filter(({ wellFormed }) => wellFormed).length).toBeGreaterThan(50);
    expect(made.filter(({ wellFormed }) => !wellFormed).length).toBeGreaterThan(50);
    expect(made.filter(({ octets }) => Buffer.from(octets).includes('tenant1.example')).length).toBeGreaterThan(100);
  });
});
