/**
 * What the profile `restricted` of Kubernetes' Pod Security Standards finds fault with in a pod's spec: the profile's
 * own list of controls, field by field.
 */

type Mapping = Readonly<Record<string, unknown>>;

const VOLUME_TYPES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];
const SECCOMP_TYPES = ['RuntimeDefault', 'Localhost'];

const mapping = (value: unknown): Mapping => (typeof value === 'object' && value !== null ? (value as Mapping) : {});
const list = (value: unknown): readonly Mapping[] => (Array.isArray(value) ? value.map(mapping) : []);

export function restrictedFaults(podSpec: unknown): string[] {
  const spec = mapping(podSpec);
  const security = mapping(spec['securityContext']);
  const containers = ['containers', 'initContainers', 'ephemeralContainers'].flatMap((field) => list(spec[field]));
  return [
    ...['hostNetwork', 'hostPID', 'hostIPC'].filter((field) => spec[field] === true),
    ...list(security['sysctls']).map(({ name }) => `sysctl ${String(name)}`),
    ...(mapping(security['windowsOptions'])['hostProcess'] === true ? ['hostProcess'] : []),
    ...list(spec['volumes']).flatMap(volumeFaults),
    ...(containers.length === 0
      ? ['no container']
      : containers.flatMap((container) => containerFaults(container, security))),
  ];
}

function volumeFaults(volume: Mapping): string[] {
  const types = Object.keys(volume).filter((field) => field !== 'name');
  return types.filter((type) => !VOLUME_TYPES.includes(type)).map((type) => `volume ${type}`);
}

function containerFaults(container: Mapping, podSecurity: Mapping): string[] {
  const security = mapping(container['securityContext']);
  const capabilities = mapping(security['capabilities']);
  const either = (field: string) => security[field] ?? podSecurity[field];
  const seccomp = mapping(either('seccompProfile'))['type'];
  const added = (capabilities['add'] ?? []) as readonly string[];
  const dropped = (capabilities['drop'] ?? []) as readonly string[];
  const faults: readonly [boolean, string][] = [
    [security['privileged'] === true, 'privileged'],
    [security['allowPrivilegeEscalation'] !== false, 'allowPrivilegeEscalation'],
    [!dropped.includes('ALL'), 'capabilities are not dropped'],
    [added.some((name) => name !== 'NET_BIND_SERVICE'), 'capabilities are added'],
    [either('runAsNonRoot') !== true, 'runAsNonRoot'],
    [either('runAsUser') === 0, 'runAsUser'],
    [!SECCOMP_TYPES.includes(String(seccomp)), 'seccompProfile'],
    [list(container['ports']).some(({ hostPort }) => Number(hostPort ?? 0) !== 0), 'hostPort'],
    [(security['procMount'] ?? 'Default') !== 'Default', 'procMount'],
    [either('seLinuxOptions') !== undefined, 'seLinuxOptions'],
    [either('appArmorProfile') !== undefined, 'appArmorProfile'],
  ];
  return faults.filter(([isFault]) => isFault).map(([, name]) => name);
}
