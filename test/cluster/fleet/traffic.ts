/** Which mail a load is made of, and where each message must arrive: known to who sends it and to who looks for it. */

import type { PlaceName } from './sinks.ts';

/** By this address alone tenant 1 is known: what comes from it is tenant 1's only if the relay sees it. */
export const TENANT_CLIENT = '10.96.0.9';
/** Somebody on the internet. */
export const WORLD_CLIENT = '10.96.0.10';

export const USERS = 50;

export interface Planned {
  readonly id: string;
  readonly from: string;
  readonly reversePath: string;
  readonly forwardPath: string;
  readonly arrives: { readonly at: PlaceName; readonly reversePath: string; readonly forwardPath: string };
}

export const userOf = (number: number): string => `user${number}@tenant1.example`;
export const sharedOf = (number: number): string => `person${number}@shared.example`;
const MARY = { shared: 'mary.jones@shared.example', tenant: 'mjones@tenant2.example' };
const SOMEBODY = 'anna@world.example';

/** A third each: tenant 1 to the internet, the internet to tenant 1 (from a CSV) and to tenant 2 (from a rule). */
export function planned(run: string, number: number): Planned {
  const id = `<${run}.${number}@load.example>`;
  const user = number % USERS;
  switch (number % 3) {
    case 0:
      return {
        ...{ id, from: TENANT_CLIENT, reversePath: userOf(user), forwardPath: SOMEBODY },
        arrives: { at: 'world', reversePath: sharedOf(user), forwardPath: SOMEBODY },
      };
    case 1:
      return {
        ...{ id, from: WORLD_CLIENT, reversePath: SOMEBODY, forwardPath: sharedOf(user) },
        arrives: { at: 'tenant1', reversePath: SOMEBODY, forwardPath: userOf(user) },
      };
    default:
      return {
        ...{ id, from: WORLD_CLIENT, reversePath: SOMEBODY, forwardPath: MARY.shared },
        arrives: { at: 'tenant2', reversePath: SOMEBODY, forwardPath: MARY.tenant },
      };
  }
}

const LINES = 20;

export function contentOf({ id, reversePath, forwardPath }: Planned): string {
  return [
    ...[`Message-ID: ${id}`, `From: <${reversePath}>`, `To: <${forwardPath}>`, 'Subject: Load'],
    ...[`Date: ${new Date().toUTCString().replace('GMT', '+0000')}`, ''],
    ...Array.from({ length: LINES }, (_, line) => `Line ${line} of a message that somebody wants to have arrived.`),
  ].join('\r\n');
}
