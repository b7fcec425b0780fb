/** Control groups of clusters whose run was killed go at the next start; those of a cluster that lives stay. */

import { randomInt } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { type ControlGroups, controlGroups, hierarchies } from './control-groups.ts';

const unique = (name: string) => `isthmus-cluster-${name}${randomInt(1_000_000)}`;
const made: ControlGroups[] = [];
afterEach(async () => {
  for (const groups of made.splice(0)) await groups.remove();
});

async function make(cluster: string): Promise<ControlGroups> {
  const groups = await controlGroups(cluster);
  made.push(groups);
  groups.make('node1');
  return groups;
}

const groupsOf = (cluster: string): string[] =>
  hierarchies().flatMap((hierarchy) => readdirSync(hierarchy).filter((name) => name.startsWith(`${cluster}-`)));

test('a living cluster keeps its groups when another starts, and has none when it ends', async () => {
  const [first, second] = [unique('first'), unique('second')];
  const groups = await make(first);
  await make(second);
  expect(groupsOf(first)).not.toEqual([]);
  await groups.remove();
  expect(groupsOf(first)).toEqual([]);
  expect(groupsOf(second)).not.toEqual([]);
});

test('a killed cluster loses its groups at the next start', async () => {
  const [killed, next] = [unique('killed'), unique('next')];
  const groups = await make(killed);
  await groups.letGo();
  expect(groupsOf(killed)).not.toEqual([]);
  await make(next);
  expect(groupsOf(killed)).toEqual([]);
  expect(groupsOf(next)).not.toEqual([]);
});
