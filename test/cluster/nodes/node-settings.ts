/** What one node's containerd, CNI plugins and kubelet are told, as the texts of their files. */

import { stringify } from 'yaml';

export interface NodeFacts {
  readonly name: string;
  readonly folder: string;
  readonly podRange: string;
  readonly controlGroup: string;
  readonly dns: string;
  readonly clientAuthority: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

export const PAUSE_IMAGE = 'localhost/isthmus/pause:1';

export const socketOf = (folder: string): string => `${folder}/containerd.sock`;

// restrict_oom_score_adj: in a container or namespace without CAP_SYS_RESOURCE no pod would start.
export const containerdSettings = (folder: string): string => `version = 2
root = "${folder}/containerd/root"
state = "${folder}/containerd/state"
[grpc]
  address = "${socketOf(folder)}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${folder}/cni"
`;

/** No masquerading: a pod speaks to the world with its own address, and the world answers through the router. */
export const podNetwork = ({ folder, podRange }: NodeFacts): string =>
  JSON.stringify({
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isDefaultGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: [[{ subnet: podRange }]], dataDir: `${folder}/addresses` },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });

export const kubeletSettings = (facts: NodeFacts): string =>
  stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: facts.clientAuthority },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    // Two kubelets on one group end each other's pods.
    cgroupRoot: facts.controlGroup,
    enforceNodeAllocatable: [],
    containerRuntimeEndpoint: `unix://${socketOf(facts.folder)}`,
    failSwapOn: false,
    tlsCertFile: facts.certificateFile,
    tlsPrivateKeyFile: facts.keyFile,
    clusterDNS: [facts.dns],
    clusterDomain: 'cluster.local',
    resolvConf: `${facts.folder}/resolv.conf`,
    // The machine's disk is shared by everybody and may be nearly full: that is no reason to evict a pod or an image.
    evictionHard: {
      'memory.available': '0%',
      'nodefs.available': '0%',
      'imagefs.available': '0%',
      'nodefs.inodesFree': '0%',
    },
    imageGCHighThresholdPercent: 100,
    podLogsDir: `${facts.folder}/pod-logs`,
    // A node that says so often is lost soon: the controller's grace period in a test is a few of these.
    nodeStatusUpdateFrequency: '5s',
  });
