/** How test/run.ts puts tests into a network namespace, and how they know. */

/** Set by test/run.ts for what it starts under unshare. */
export const NAMESPACE_VARIABLE = 'ISTHMUS_NAMESPACE';

/**
 * What test/run.ts puts before a command to run it with a network, mounts and process ids of its own: whatever it starts dies
 * with it, and port 25 and every address are free. It also dies with whoever started it, even killed: unshare itself ignores
 * being told to end, and only SIGKILL ends it.
 */
export const UNSHARE = [
  ...['setpriv', '--pdeathsig', 'KILL', '--'],
  ...['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
] as const;
