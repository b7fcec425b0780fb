/** The Grafana dashboard: what an administrator asks first, from top to bottom. */

interface Query {
  readonly expr: string;
  readonly legend: string;
}

interface Panel {
  readonly title: string;
  readonly description: string;
  /** Grafana's names: `reqps` a second, `s` seconds, `short` a plain number. */
  readonly unit: 'reqps' | 's' | 'short' | 'bytes' | 'percentunit';
  readonly queries: readonly Query[];
  readonly stat?: boolean;
}

interface Section {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Relay metrics carry the fleet under the name that its pod label gets in Prometheus. */
const RELAY = 'namespace=~"$namespace",isthmus_dev_fleet=~"$fleet"';
const FLEET = 'namespace=~"$namespace",fleet=~"$fleet"';
const OPERATOR = 'job="isthmus"';
const rate = (metric: string, by: string, labels = RELAY) =>
  `sum by (${by}) (rate(${metric}{${labels}}[$__rate_interval]))`;
const quantile = (q: number, metric: string, by: string, labels = RELAY) =>
  `histogram_quantile(${q}, ${rate(`${metric}_bucket`, `le, ${by}`, labels)})`;

const SECTIONS: readonly Section[] = [
  {
    title: 'Does mail flow?',
    panels: [
      {
        title: 'Messages by direction and outcome',
        description: 'Delivered is what next hops have taken. Deferred stays with the sender.',
        unit: 'reqps',
        queries: [{ expr: rate('isthmus_messages_total', 'direction, result'), legend: '{{direction}} {{result}}' }],
      },
      {
        title: 'Replies to clients',
        description: 'Transient is 4xx, permanent 5xx.',
        unit: 'reqps',
        queries: [{ expr: rate('isthmus_smtp_replies_total', 'class'), legend: '{{class}}' }],
      },
      {
        title: 'Recipients by decision',
        description: 'Held waits for a resource that is left out; RelayingDenied and Unknown are refused.',
        unit: 'reqps',
        queries: [{ expr: rate('isthmus_recipients_total', 'decision'), legend: '{{decision}}' }],
      },
      {
        title: 'Time from final dot to answer',
        description: 'What a sender waits for. Longer than 5 minutes, and senders begin to give up.',
        unit: 's',
        queries: [
          { expr: quantile(0.5, 'isthmus_delivery_seconds', 'target'), legend: 'p50 {{target}}' },
          { expr: quantile(0.95, 'isthmus_delivery_seconds', 'target'), legend: 'p95 {{target}}' },
        ],
      },
    ],
  },
  {
    title: 'Clients',
    panels: [
      {
        title: 'Open connections by pod',
        description: 'The limit is spec.limits.connections.',
        unit: 'short',
        queries: [{ expr: `sum by (pod) (isthmus_smtp_connections{${RELAY}})`, legend: '{{pod}}' }],
      },
      {
        title: 'Connections refused',
        description: 'In the greeting, by reason.',
        unit: 'reqps',
        queries: [{ expr: rate('isthmus_smtp_connections_refused_total', 'reason'), legend: '{{reason}}' }],
      },
      {
        title: 'TLS handshakes that fail',
        description: 'With clients and with next hops.',
        unit: 'reqps',
        queries: [
          {
            expr: rate('isthmus_tls_handshakes_total', 'peer', `${RELAY},result="failed"`),
            legend: '{{peer}}',
          },
        ],
      },
      {
        title: 'Octets in and out',
        description: 'Messages received whole, and what next hops took.',
        unit: 'bytes',
        queries: [
          { expr: rate('isthmus_received_bytes_total', 'namespace'), legend: 'received' },
          { expr: rate('isthmus_delivered_bytes_total', 'namespace'), legend: 'delivered' },
        ],
      },
    ],
  },
  {
    title: 'Next hops',
    panels: [
      {
        title: 'Refusals by next hops, by stage',
        description: 'lookup is DNS, connect the network, rcpt and content are about the mail.',
        unit: 'reqps',
        queries: [{ expr: rate('isthmus_next_hop_refusals_total', 'stage'), legend: '{{stage}}' }],
      },
      {
        title: 'Refusals of this relay itself',
        description: 'Certificate, address, reputation. Clients heard 451.',
        unit: 'reqps',
        queries: [{ expr: rate('isthmus_next_hop_refuses_us_total', 'pod'), legend: '{{pod}}' }],
      },
      {
        title: 'Connections to next hops',
        description: 'Open now, busy or kept.',
        unit: 'short',
        queries: [{ expr: `sum by (pod) (isthmus_next_hop_connections{${RELAY}})`, legend: '{{pod}}' }],
      },
      {
        title: 'Exchange Online: what clients proved',
        description: 'Strangers are other customers of Exchange Online.',
        unit: 'reqps',
        queries: [{ expr: rate('isthmus_exchange_online_proofs_total', 'result'), legend: '{{result}}' }],
      },
    ],
  },
  {
    title: 'Configuration and pods',
    panels: [
      {
        title: 'Pods by revision',
        description: 'More than one line for more than seconds: a change is stuck.',
        unit: 'short',
        queries: [{ expr: `count by (revision) (isthmus_config_info{${RELAY}})`, legend: '{{revision}}' }],
      },
      {
        title: 'Ready pods that run the newest configuration',
        description: 'Must meet the number of ready pods.',
        unit: 'short',
        queries: [
          { expr: `isthmus_operator_fleet_pods{${FLEET}}`, legend: '{{namespace}}/{{fleet}} ready' },
          {
            expr: `isthmus_operator_fleet_programmed_pods{${FLEET}}`,
            legend: '{{namespace}}/{{fleet}} programmed',
          },
        ],
      },
      {
        title: 'Resources that are not accepted',
        description: 'kubectl get isthmus names them.',
        unit: 'short',
        stat: true,
        queries: [{ expr: 'sum by (kind) (isthmus_operator_resources{accepted="false"})', legend: '{{kind}}' }],
      },
      {
        title: 'Memory of relay pods',
        description: 'Resident.',
        unit: 'bytes',
        queries: [{ expr: `sum by (pod) (isthmus_process_resident_memory_bytes{${RELAY}})`, legend: '{{pod}}' }],
      },
    ],
  },
  {
    title: 'Operator',
    panels: [
      {
        title: 'Leaders',
        description: 'Must be 1.',
        unit: 'short',
        stat: true,
        queries: [{ expr: `sum(leader_election_master_status{${OPERATOR}})`, legend: 'leaders' }],
      },
      {
        title: 'Reconciliations',
        description: 'By result.',
        unit: 'reqps',
        queries: [
          {
            expr: rate('controller_runtime_reconcile_total', 'controller, result', OPERATOR),
            legend: '{{controller}} {{result}}',
          },
        ],
      },
      {
        title: 'Time of a reconciliation',
        description: 'p95.',
        unit: 's',
        queries: [
          {
            expr: quantile(0.95, 'controller_runtime_reconcile_time_seconds', 'controller', OPERATOR),
            legend: '{{controller}}',
          },
        ],
      },
      {
        title: 'Calls to the API server',
        description: 'By answer; <error> is none.',
        unit: 'reqps',
        queries: [{ expr: rate('rest_client_requests_total', 'code', OPERATOR), legend: '{{code}}' }],
      },
    ],
  },
];

/** Grafana's grid is 24 wide. */
const WIDTH = 12;
const HEIGHT = 8;
const DATASOURCE = { type: 'prometheus', uid: '$datasource' };

function panelJson(panel: Panel, id: number, y: number, x: number) {
  return {
    id,
    title: panel.title,
    description: panel.description,
    type: panel.stat ? 'stat' : 'timeseries',
    datasource: DATASOURCE,
    gridPos: { x, y, w: WIDTH, h: HEIGHT },
    fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
    targets: panel.queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
    })),
  };
}

function variable(name: string, label: string, query: string) {
  return {
    ...{ name, label, type: 'query', datasource: DATASOURCE, query, definition: query },
    ...{ refresh: 2, sort: 1, multi: true, includeAll: true, allValue: '.*' },
    current: { text: 'All', value: '$__all' },
  };
}

export function dashboard(): unknown {
  let y = 0;
  let id = 0;
  const panels = SECTIONS.flatMap((section) => {
    const row = { id: ++id, type: 'row', title: section.title, collapsed: false, panels: [] };
    const head = { ...row, gridPos: { x: 0, y: y++, w: 2 * WIDTH, h: 1 } };
    const own = section.panels.map((panel, index) =>
      panelJson(panel, ++id, y + Math.floor(index / 2) * HEIGHT, (index % 2) * WIDTH),
    );
    y += Math.ceil(section.panels.length / 2) * HEIGHT;
    return [head, ...own];
  });
  return {
    ...{ title: 'Isthmus', uid: 'isthmus', tags: ['isthmus', 'smtp'], schemaVersion: 39, editable: true },
    ...{ refresh: '30s', time: { from: 'now-6h', to: 'now' }, timezone: 'browser' },
    templating: {
      list: [
        { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' },
        variable('namespace', 'Namespace', 'label_values(isthmus_config_info, namespace)'),
        variable('fleet', 'Fleet', 'label_values(isthmus_config_info{namespace=~"$namespace"}, isthmus_dev_fleet)'),
      ],
    },
    panels,
  };
}
