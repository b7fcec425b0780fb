/** Compares two statuses as the API server does, so that nothing is sent that is written already. */

/** The order of fields means nothing, nor does that of conditions; a field that is undefined is not there. */
export function equalStatus(written: unknown, wanted: unknown): boolean {
  if (Object.is(written, wanted)) return true;
  if (Array.isArray(written) && Array.isArray(wanted)) {
    if (written.length !== wanted.length) return false;
    const [left, right] = [byType(written), byType(wanted)];
    return left.every((entry, index) => equalStatus(entry, right[index]));
  }
  if (!isRecord(written) || !isRecord(wanted)) return false;
  const keys = new Set([...Object.keys(written), ...Object.keys(wanted)]);
  return [...keys].every((key) => equalStatus(written[key], wanted[key]));
}

/** Lists of conditions are maps by type; all other lists keep their order. */
function byType(list: readonly unknown[]): readonly unknown[] {
  const types = list.map((entry) => (isRecord(entry) && 'reason' in entry ? entry.type : undefined));
  if (!types.every((type) => typeof type === 'string')) return list;
  return list
    .map((entry, index) => ({ entry, type: types[index] as string }))
    .sort((a, b) => (a.type < b.type ? -1 : 1))
    .map(({ entry }) => entry);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
