/** Moments as the API server writes them; the clock is the caller's. */

/** Whole seconds, as Kubernetes' own metav1.Time. */
export function formatTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, -'.000Z'.length)}Z`;
}

/** undefined: it is no moment. */
export function parseTime(text: string): number | undefined {
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}
