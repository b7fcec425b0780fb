import { expect, test } from 'vitest';
import { MANIFEST_FILE, type Manifest } from '../../../relay/core/manifest.ts';
import { configSlot } from '../../../operator/manifests/config-slot.ts';
import { manifestConfigMap } from '../../../operator/manifests/manifest-config-map.ts';
import { secretSlotIds, slotIds } from '../../../operator/manifests/names.ts';
import { fleetObjects } from '../../../operator/manifests/object-set.ts';
import { ownCertificateSecret } from '../../../operator/manifests/own-certificate-secret.ts';
import { ownSigningKeySecret } from '../../../operator/manifests/own-signing-key-secret.ts';
import { secretSlot } from '../../../operator/manifests/secret-slot.ts';
import { manifestInput } from './case.ts';

const fleet = { namespace: 'mail', name: 'default', uid: 'u1' };
const owner = { apiVersion: 'isthmus.dev/v1alpha1', kind: 'RelayFleet', name: 'default', uid: 'u1', controller: true };
const manifest: Manifest = { format: 1, revisions: [{ revision: 'r1', state: 'proven', pieces: [] }], memory: [] };

test('a slot carries its pieces as they are and belongs to the fleet', () => {
  const slot = configSlot(fleet, '07', { abc: 'AAEC' });
  expect(slot).toMatchObject({ kind: 'ConfigMap', binaryData: { abc: 'AAEC' } });
  expect(slot.metadata).toMatchObject({ name: 'default-f1-07', namespace: 'mail', ownerReferences: [owner] });
  const secret = secretSlot(fleet, 's07', { abc: 'AAEC' });
  expect(secret).toMatchObject({ kind: 'Secret', type: 'Opaque', data: { abc: 'AAEC' } });
  expect(secret.metadata).toMatchObject({ name: 'default-f1-s07', ownerReferences: [owner] });
});

test('the manifest is written over the one that was read and no other', () => {
  const first = manifestConfigMap(fleet, manifest, undefined);
  expect(first.metadata).toMatchObject({ name: 'default-f1', ownerReferences: [owner] });
  expect(first.metadata).not.toHaveProperty('resourceVersion');
  expect(JSON.parse((first['data'] as Record<string, string>)[MANIFEST_FILE] ?? '')).toEqual(manifest);
  expect(manifestConfigMap(fleet, manifest, '42').metadata.resourceVersion).toBe('42');
});

test('keys that were made for a fleet stay when it goes', () => {
  const certificate = ownCertificateSecret(fleet, 'Y2VydA==', 'a2V5');
  expect(certificate).toMatchObject({ type: 'kubernetes.io/tls', data: { 'tls.crt': 'Y2VydA==', 'tls.key': 'a2V5' } });
  const signing = ownSigningKeySecret(fleet, 'a2V5');
  expect(signing).toMatchObject({ metadata: { name: 'default-signing' }, data: { 'signing.key': 'a2V5' } });
  for (const { metadata } of [certificate, signing]) {
    expect(metadata).not.toHaveProperty('ownerReferences');
    expect(metadata.labels).toMatchObject({ 'isthmus.dev/fleet': 'default', 'isthmus.dev/purpose': 'key' });
  }
});

test('pods mount the objects of every slot, the manifest and the certificate by the names these are written under', () => {
  const written = [
    ...slotIds().map((slot) => configSlot(fleet, slot, {})),
    ...secretSlotIds().map((slot) => secretSlot(fleet, slot, {})),
    manifestConfigMap(fleet, manifest, undefined),
    ownCertificateSecret(fleet, '', ''),
  ].map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  const deployment = fleetObjects(manifestInput({})).find(({ type }) => type.kind === 'Deployment')?.object;
  const text = JSON.stringify(deployment?.['spec']);
  const mounted = [...text.matchAll(/"(configMap|secret)":\{"(?:name|secretName)":"([^"]+)"/g)];
  const kinds: Record<string, string> = { configMap: 'ConfigMap', secret: 'Secret' };
  expect(mounted.map(([, kind = '', name]) => `${kinds[kind]} ${name}`)).toEqual(written);
});
