{{/*
What the operator may do in a namespace that it watches; docs/rbac.md says why, verb by verb. Used by Role and ClusterRole.
Watch and list cannot be narrowed by name, so names do not appear here.
*/}}
{{- define "isthmus.rules" -}}
- apiGroups: [isthmus.dev]
  resources: [relayfleets, shareddomains, tenantroutes, rewriterules]
  verbs: [list, watch]
- apiGroups: [isthmus.dev]
  resources: [relayfleets/status, shareddomains/status, tenantroutes/status, rewriterules/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [configmaps, secrets]
  verbs: [get, list, watch, create, update, patch]
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
{{- if .Values.fleets.serviceMonitor.enabled }}
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors]
  verbs: [get, create, patch]
{{- end }}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* What it may do in its own namespace, watched or not. */}}
{{- define "isthmus.ownRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "isthmus.operatorName" . }}]
  verbs: [get, update]
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ include "isthmus.operatorName" . }}-key]
  verbs: [get]
{{- if .Values.defaultFleet.create }}
- apiGroups: [isthmus.dev]
  resources: [relayfleets]
  verbs: [create]
- apiGroups: [isthmus.dev]
  resources: [relayfleets]
  resourceNames: [default]
  verbs: [patch]
{{- end }}
{{- end }}
