/** Address tables as large as a fleet may have: gzip CSV in ConfigMaps, and the one rule that reads them. */

import { gzipSync } from 'node:zlib';
import { rewriteRule } from '../operator/seen.ts';

/** Below 1 MiB packed and 16 MiB unpacked. */
const ROWS_PER_TABLE = 90_000;
/** In a rule. */
const MOST_TABLES = 16;
export const BIG_RULE = 'many';

const nameOf = (table: number): string => `many-${table}`;

function table(number: number, rows: number): object {
  const lines = Array.from({ length: rows }, (_, row) => {
    const user = (number * ROWS_PER_TABLE + row).toString(36);
    return `${user},many-${user}@tenant1.example,anybody-${user}@shared.example`;
  });
  const packed = gzipSync(['Name,InternalAddress,ExternalAddress', ...lines, ''].join('\n'));
  return {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: nameOf(number) } },
    binaryData: { 'users.csv.gz': packed.toString('base64') },
  };
}

/** The tables, one after the other, as all of them at once would be megabytes of YAML; last the rule. */
export function* bigTable(addresses: number): Generator<object> {
  const tables = Math.ceil(addresses / ROWS_PER_TABLE);
  if (tables > MOST_TABLES) throw new Error(`${addresses} addresses are more than one rule reads`);
  for (let number = 0; number < tables; number += 1) {
    yield table(number, Math.min(ROWS_PER_TABLE, addresses - number * ROWS_PER_TABLE));
  }
  yield rewriteRule(BIG_RULE, {
    sharedDomainRef: { name: 'shared' },
    tenantRouteRef: { name: 'tenant1' },
    addressesFrom: Array.from({ length: tables }, (_, number) => ({
      configMapKeyRef: { name: nameOf(number), key: 'users.csv.gz' },
    })),
  });
}
