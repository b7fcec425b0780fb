/** Finds the known word that somebody probably meant. */

/** A misspelling is rarely further away: two letters swapped count as two. */
const MAX_DISTANCE = 2;

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** undefined when nothing is near. Case does not count: YAML keys are often misspelt by case alone. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  // Far longer than any field: not worth the square of its length.
  if (word.length > 64) return undefined;
  const ranked = known
    .map((candidate) => ({ candidate, far: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, far }) => far <= Math.min(MAX_DISTANCE, Math.floor(candidate.length / 2)))
    .sort((a, b) => a.far - b.far);
  return ranked[0]?.candidate;
}

/** The end of a message about an unknown word. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  if (near !== undefined) return `did you mean ${near}?`;
  return known.length === 0 ? 'there is none here' : `known here: ${known.join(', ')}`;
}
