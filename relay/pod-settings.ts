/** What a relay pod is told through its environment, with an error for each value that cannot be meant. */

import { availableParallelism } from 'node:os';

export interface PodSettings {
  readonly configFolder: string;
  readonly tlsFolder: string;
  /** Kept through restarts of the container. */
  readonly stateFolder: string;
  /** Bodies under way. */
  readonly spoolFolder: string;
  readonly podUid: string;
  readonly smtpPort: number;
  readonly httpPort: number;
  readonly workers: number;
}

export type SettingsResult =
  | { readonly ok: true; readonly value: PodSettings }
  | { readonly ok: false; readonly problems: readonly string[] };

/** More than any machine has cores; a larger number is a mistake that would take all its memory. */
const MOST_WORKERS = 256;

export function readPodSettings(environment: Readonly<Record<string, string | undefined>>): SettingsResult {
  const problems: string[] = [];
  const folder = (name: string, otherwise: string) => {
    const text = environment[name] ?? otherwise;
    if (!text.startsWith('/')) problems.push(`${name} is "${text}": it must be an absolute path, such as ${otherwise}`);
    return text;
  };
  const number = (name: string, otherwise: number, least: number, most: number) => {
    const text = environment[name] ?? String(otherwise);
    const value = Number(text);
    if (!/^\d{1,6}$/.test(text) || value < least || value > most)
      problems.push(`${name} is "${text}": it must be a number from ${least} to ${most}`);
    return value;
  };
  const podUid = environment['POD_UID'] ?? '';
  if (podUid === '') problems.push('POD_UID is not set: it must be metadata.uid of the pod, from the downward API');
  const workers = number('ISTHMUS_WORKERS', 1, 0, MOST_WORKERS);
  const value: PodSettings = {
    configFolder: folder('ISTHMUS_CONFIG_FOLDER', '/etc/isthmus/config'),
    tlsFolder: folder('ISTHMUS_TLS_FOLDER', '/etc/isthmus/tls'),
    stateFolder: folder('ISTHMUS_STATE_FOLDER', '/var/lib/isthmus'),
    spoolFolder: folder('ISTHMUS_SPOOL_FOLDER', '/var/spool/isthmus'),
    podUid,
    smtpPort: number('ISTHMUS_SMTP_PORT', 2525, 1, 65_535),
    httpPort: number('ISTHMUS_HTTP_PORT', 9090, 1, 65_535),
    // Node asks the container's CPU limit, too.
    workers: workers === 0 ? availableParallelism() : workers,
  };
  return problems.length === 0 ? { ok: true, value } : { ok: false, problems };
}
