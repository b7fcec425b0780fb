/** The one container of a relay pod, and where its folders are. */

import type { ManifestInput } from './input.ts';
import { HTTP_PORT, SMTP_PORT } from './names.ts';

/** Read by relay/pod.ts from its environment. */
const FOLDERS = {
  config: '/etc/isthmus/config',
  tls: '/etc/isthmus/tls',
  state: '/var/lib/isthmus',
  spool: '/var/spool/isthmus',
} as const;

/**
 * The request is what the scheduler must find: a relay at rest needs little, and CPU in percent of it drives the
 * autoscaler. The limit is four times the 250 MiB of a pod with a million addresses: while a new configuration is read
 * there are two of them, and large messages under way have a share. CPU has no limit: throttling would stall every
 * session of the pod to save time that nobody else wants.
 */
const DEFAULT_RESOURCES = {
  requests: { cpu: '250m', memory: '384Mi' },
  limits: { memory: '1Gi' },
};

const probe = (path: string) => ({ httpGet: { path, port: 'http', scheme: 'HTTP' } });

/** Seconds on an idle node, a million addresses or not; two minutes are for a node that starts fifty pods at once. */
const STARTUP = { ...probe('/livez'), periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 120 };
/** A minute: restarting cuts every session, so only a process that will not come back is ended. */
const LIVENESS = { ...probe('/livez'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 };
/** Often, as the first pod of a new configuration is waited for; three in a row, as one late answer means nothing. */
/** UNREADY_SECONDS of relay/core/pod-status.ts is longer than three of these take. */
const READINESS = { ...probe('/readyz'), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 3 };

export function relayContainer({ fleet: { spec }, settings }: ManifestInput) {
  return {
    name: 'relay',
    image: spec.image ?? settings.relayImage,
    imagePullPolicy: settings.imagePullPolicy,
    env: [
      { name: 'ISTHMUS_CONFIG_FOLDER', value: FOLDERS.config },
      { name: 'ISTHMUS_TLS_FOLDER', value: FOLDERS.tls },
      { name: 'ISTHMUS_STATE_FOLDER', value: FOLDERS.state },
      { name: 'ISTHMUS_SPOOL_FOLDER', value: FOLDERS.spool },
      { name: 'ISTHMUS_SMTP_PORT', value: String(SMTP_PORT) },
      { name: 'ISTHMUS_HTTP_PORT', value: String(HTTP_PORT) },
      { name: 'POD_UID', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.uid' } } },
    ],
    ports: [
      { name: 'smtp', containerPort: SMTP_PORT, protocol: 'TCP' },
      { name: 'http', containerPort: HTTP_PORT, protocol: 'TCP' },
    ],
    // Taken whole: a request above our limit, or a limit below our request, would be refused.
    resources: spec.resources ?? DEFAULT_RESOURCES,
    startupProbe: STARTUP,
    livenessProbe: LIVENESS,
    readinessProbe: READINESS,
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
    },
    volumeMounts: [
      { name: 'config', mountPath: FOLDERS.config, readOnly: true },
      { name: 'tls', mountPath: FOLDERS.tls, readOnly: true },
      { name: 'state', mountPath: FOLDERS.state },
      { name: 'spool', mountPath: FOLDERS.spool },
    ],
  };
}
