/** The Secrets that the operator makes for a fleet which names none: a self-signed certificate, a key for trace fields. */

import { randomBytes } from 'node:crypto';
import type { RelayFleet } from '../../crds/v1alpha1/relay-fleet.ts';
import { SECRET_KEYS } from '../../crds/v1alpha1/references.ts';
import { SIGNING_KEY_OCTETS } from '../compile/credentials.ts';
import type { ApiAnswer, KubeObject } from '../kube/api.ts';
import type { FleetIdentity } from '../manifests/input.ts';
import { ownCertificateName, ownSigningKeyName } from '../manifests/names.ts';
import { ownCertificateSecret } from '../manifests/own-certificate-secret.ts';
import { ownSigningKeySecret } from '../manifests/own-signing-key-secret.ts';
import { isDue, ownCertificate } from '../own-secrets/own-certificate.ts';
import { SECRET } from './kinds.ts';
import { MANAGED_BY, NOT_OURS } from './object-set.ts';
import type { StoreResult } from './slot-store.ts';
import type { Surroundings } from './surroundings.ts';

/** A certificate that is due is renewed weeks before its end. */
const CERTIFICATE_CHECK_MS = 3_600_000;

const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');

export class FleetSecrets {
  readonly #around: Surroundings;
  readonly #fleet: FleetIdentity;
  #checked:
    | { readonly at: number; readonly hostname: string; readonly resourceVersion: string | undefined }
    | undefined;

  constructor(around: Surroundings, fleet: FleetIdentity) {
    this.#around = around;
    this.#fleet = fleet;
  }

  /** Made once and never again while it is there: every pass that it counted would be forgotten. */
  async keepSigningKey({ spec }: RelayFleet): Promise<StoreResult> {
    const name = ownSigningKeyName(this.#fleet.name);
    if (spec.signingSecretRef !== undefined && spec.signingSecretRef.name !== name) return { ok: true };
    if (this.#around.world.secrets.get(this.#fleet.namespace, name) !== undefined) return { ok: true };
    const key = randomBytes(SIGNING_KEY_OCTETS).toString('hex');
    return this.#made(await this.#create(ownSigningKeySecret(this.#fleet, base64(key))));
  }

  async keepCertificate({ spec }: RelayFleet, hostname: string): Promise<StoreResult> {
    if (spec.tls.secretRef !== undefined) return { ok: true };
    const { api, world, now } = this.#around;
    const { namespace } = this.#fleet;
    const name = ownCertificateName(this.#fleet.name);
    const seen = world.secrets.get(namespace, name)?.metadata.resourceVersion;
    const last = this.#checked;
    const isSame = last?.hostname === hostname && seen !== undefined && last.resourceVersion === seen;
    if (isSame && now() - last.at < CERTIFICATE_CHECK_MS) return { ok: true };
    const found = await api.get(SECRET, namespace, name);
    if (!found.ok && found.status !== 404) return found;
    const written = found.ok ? await this.#renew(found.value, hostname) : await this.#make(hostname);
    if (written.ok) {
      this.#checked = { at: now(), hostname, resourceVersion: written.value?.metadata.resourceVersion };
    }
    return this.#made(written);
  }

  async #make(hostname: string): Promise<ApiAnswer<KubeObject>> {
    const { certificate, key } = await ownCertificate(hostname, new Date(this.#around.now()));
    return await this.#create(ownCertificateSecret(this.#fleet, base64(certificate), base64(key)));
  }

  async #renew(secret: KubeObject, hostname: string): Promise<ApiAnswer<KubeObject>> {
    const data = (secret['data'] ?? {}) as Record<string, string>;
    const certificate = Buffer.from(data[SECRET_KEYS.certificate] ?? '', 'base64').toString('utf8');
    const { now, assertLeader, api } = this.#around;
    if (!isDue(certificate, hostname, new Date(now()))) return { ok: true, value: secret };
    // Somebody else's key would be lost for good; cert-manager's Secrets are often called so.
    if (secret.metadata.labels?.[MANAGED_BY] !== 'isthmus') {
      const message =
        `its certificate has expired, expires soon or is not for ${hostname}, and it is not of this operator's making: ` +
        'renew it and name it in spec.tls.secretRef, or remove it';
      return { ok: false, status: undefined, reason: NOT_OURS, message };
    }
    const fresh = await ownCertificate(hostname, new Date(now()));
    const object = ownCertificateSecret(this.#fleet, base64(fresh.certificate), base64(fresh.key));
    assertLeader();
    const { resourceVersion } = secret.metadata;
    return await api.update(SECRET, {
      ...object,
      metadata: { ...object.metadata, resourceVersion: resourceVersion ?? '' },
    });
  }

  async #create(object: KubeObject): Promise<ApiAnswer<KubeObject>> {
    this.#around.assertLeader();
    return await this.#around.api.create(SECRET, object);
  }

  /** Somebody who made it first has made it. */
  #made(answer: ApiAnswer<KubeObject>): StoreResult {
    return answer.ok || answer.reason === 'AlreadyExists' ? { ok: true } : answer;
  }
}
