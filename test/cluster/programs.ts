/** Which programs of a Kubernetes cluster there are, at which versions, and which Go module gives each. */

export interface GoModule {
  /** Below test/cluster/go: its go.mod and go.sum say everything that is built. */
  readonly folder: string;
  /** Program name to Go package. */
  readonly programs: Readonly<Record<string, string>>;
  /** For the linker, beside those that every build has. */
  readonly linkerFlags: readonly string[];
}

const KUBERNETES_VERSION = 'v1.34.4';
const KUBERNETES = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
] as const;

/** Without these every program calls itself v0.0.0, and version checks believe it. */
function kubernetesVersionFlags(): string[] {
  const [major, minor] = KUBERNETES_VERSION.slice(1).split('.');
  const facts = { gitVersion: KUBERNETES_VERSION, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  return ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((place) =>
    Object.entries(facts).flatMap(([name, value]) => ['-X', `${place}.${name}=${value}`]),
  );
}

const MODULES: readonly GoModule[] = [
  { folder: 'etcd', programs: { etcd: 'go.etcd.io/etcd/server/v3' }, linkerFlags: [] },
  {
    folder: 'kubernetes',
    programs: Object.fromEntries(KUBERNETES.map((name) => [name, `k8s.io/kubernetes/cmd/${name}`])),
    linkerFlags: kubernetesVersionFlags(),
  },
  {
    folder: 'helm',
    programs: { helm: 'helm.sh/helm/v4/cmd/helm' },
    linkerFlags: ['-X', 'helm.sh/helm/v4/internal/version.version=v4.3.1'],
  },
  { folder: 'dns', programs: { coredns: '.' }, linkerFlags: [] },
  { folder: 'pods', programs: { pause: './pause', echo: './echo' }, linkerFlags: [] },
  {
    folder: 'metrics-server',
    programs: { 'metrics-server': 'sigs.k8s.io/metrics-server/cmd/metrics-server' },
    linkerFlags: [],
  },
  { folder: 'kstatus', programs: { kstatus: '.' }, linkerFlags: [] },
  {
    folder: 'argocd',
    programs: { argocd: '.' },
    linkerFlags: ['-X', 'github.com/argoproj/argo-cd/v3/common.version=3.5.7'],
  },
];

export type ProgramName =
  | (typeof KUBERNETES)[number]
  | ('etcd' | 'helm' | 'coredns' | 'pause' | 'echo' | 'metrics-server' | 'kstatus' | 'argocd');

export const PROGRAM_NAMES = MODULES.flatMap((module) => Object.keys(module.programs)) as readonly ProgramName[];

export function moduleOf(program: ProgramName): GoModule {
  const found = MODULES.find((module) => program in module.programs);
  if (found === undefined) throw new Error(`no Go module gives ${program}`);
  return found;
}

/** What setup-envtest installs in KUBEBUILDER_ASSETS. */
export const ENVTEST_PROGRAMS: readonly ProgramName[] = ['etcd', 'kube-apiserver', 'kubectl'];
