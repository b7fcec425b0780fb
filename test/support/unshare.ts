/** How test/run.ts puts tests into a network namespace, and how they know. */

/** Set by test/run.ts for what it starts under unshare. */
export const NAMESPACE_VARIABLE = 'ISTHMUS_NAMESPACE';

/**
 * What test/run.ts puts before a command to run it with a network, mounts and process ids of its own: whatever it starts dies
 * with it, and port 25 and every address are free.
 */
export const UNSHARE = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'] as const;
