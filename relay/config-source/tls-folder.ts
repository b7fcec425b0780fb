/** The certificate and key of a mounted Secret of type kubernetes.io/tls. */

import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerIdentity } from '../tls/server-context.ts';
import { DATA_LINK } from './folder-watch.ts';

/** Both from one state of the folder; undefined: one of them is not there. Whether they fit each other is not looked at. */
export async function readTlsFolder(folder: string): Promise<ServerIdentity | undefined> {
  const data = await realpath(join(folder, DATA_LINK)).catch(() => folder);
  const read = (name: string) => readFile(join(data, name), 'utf8').catch(() => undefined);
  const [certificate, key] = await Promise.all([read('tls.crt'), read('tls.key')]);
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}
