/** The key by which credentials are named without saying anything about them: made once, kept in a Secret of the operator's own. */

import { randomBytes } from 'node:crypto';
import type { Api, ApiAnswer, KubeObject } from '../kube/api.ts';
import { SECRET } from './kinds.ts';

const FIELD = 'credential.key';
/** Of HMAC-SHA-256's own size. */
const OCTETS = 32;

/** A new key renames every credential, so every pod gets a new revision; nothing else happens. */
export async function operatorKey(api: Api, namespace: string, name: string): Promise<ApiAnswer<string>> {
  const found = await api.get(SECRET, namespace, name);
  if (found.ok) return keyOf(found.value);
  if (found.status !== 404) return found;
  const key = randomBytes(OCTETS).toString('hex');
  const made = await api.create(SECRET, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'isthmus' } },
    type: 'Opaque',
    data: { [FIELD]: Buffer.from(key).toString('base64') },
  });
  if (made.ok) return { ok: true, value: key };
  if (made.reason !== 'AlreadyExists') return made;
  const other = await api.get(SECRET, namespace, name);
  return other.ok ? keyOf(other.value) : other;
}

function keyOf(secret: KubeObject): ApiAnswer<string> {
  const text = (secret['data'] as Record<string, string> | undefined)?.[FIELD];
  const key = Buffer.from(text ?? '', 'base64').toString('utf8');
  if (key.length >= OCTETS) return { ok: true, value: key };
  const { namespace, name } = secret.metadata;
  const message =
    `Secret ${namespace}/${name} has no key ${FIELD} of ${OCTETS} characters: ` + 'delete the Secret to have one made';
  return { ok: false, status: undefined, reason: 'InvalidKey', message };
}
