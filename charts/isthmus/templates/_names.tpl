{{/* Names, labels and images, each said once. */}}

{{- define "isthmus.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* 40 characters leave room for what is put behind it: names of Services end at 63. */}}
{{- define "isthmus.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "isthmus.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "isthmus.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "isthmus.operatorName" -}}
{{ include "isthmus.fullname" . }}-operator
{{- end }}

{{- define "isthmus.serviceAccountName" -}}
{{ default (include "isthmus.operatorName" .) .Values.serviceAccount.name }}
{{- end }}

{{/* A ClusterRole is nobody's in particular: the namespace tells two releases apart. */}}
{{- define "isthmus.clusterName" -}}
{{ .Release.Namespace }}-{{ include "isthmus.operatorName" . }}
{{- end }}

{{- define "isthmus.selectorLabels" -}}
app.kubernetes.io/name: isthmus
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "isthmus.labels" -}}
{{ include "isthmus.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "isthmus.image" -}}
{{- if .image.digest }}
{{- .image.repository }}@{{ .image.digest }}
{{- else }}
{{- .image.repository }}:{{ default .appVersion .image.tag }}
{{- end }}
{{- end }}

{{/* Namespaces that are watched, as JSON; empty: all. */}}
{{- define "isthmus.watchNamespaces" -}}
{{- if .Values.clusterWide }}[]
{{- else if .Values.watchNamespaces }}{{ toJson (.Values.watchNamespaces | uniq) }}
{{- else }}{{ toJson (list .Release.Namespace) }}
{{- end }}
{{- end }}

{{/* Peers of a NetworkPolicy from settings' shape: {namespaceLabels, podLabels}. */}}
{{- define "isthmus.peers" -}}
{{- range . }}
- namespaceSelector:
    {{- if .namespaceLabels }}
    matchLabels: {{- toYaml .namespaceLabels | nindent 6 }}
    {{- else }} {}
    {{- end }}
  {{- with .podLabels }}
  podSelector:
    matchLabels: {{- toYaml . | nindent 6 }}
  {{- end }}
{{- end }}
{{- end }}
