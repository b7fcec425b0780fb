{{/* The file that operator/settings.ts reads. */}}
{{- define "isthmus.settings" -}}
watchNamespaces: {{ include "isthmus.watchNamespaces" . }}
relayImage: {{ include "isthmus.image" (dict "image" .Values.relayImage "appVersion" .Chart.AppVersion) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
defaultFleet:
  create: {{ .Values.defaultFleet.create }}
  spec: {{ toJson .Values.defaultFleet.spec }}
domains: {{ toJson .Values.domains }}
networkPolicy:
  enabled: {{ .Values.fleets.networkPolicy.enabled }}
  metricsFrom: {{ toJson .Values.fleets.networkPolicy.metricsFrom }}
  nextHopPodPorts: {{ toJson .Values.fleets.networkPolicy.nextHopPodPorts }}
serviceMonitor:
  enabled: {{ .Values.fleets.serviceMonitor.enabled }}
  labels: {{ toJson .Values.fleets.serviceMonitor.labels }}
  intervalSeconds: {{ .Values.fleets.serviceMonitor.intervalSeconds }}
leaderElection:
  leaseName: {{ include "isthmus.operatorName" . }}
  leaseDurationSeconds: {{ .Values.leaderElection.leaseDurationSeconds }}
  renewDeadlineSeconds: {{ .Values.leaderElection.renewDeadlineSeconds }}
  retryPeriodSeconds: {{ .Values.leaderElection.retryPeriodSeconds }}
operatorLabels: {{- include "isthmus.selectorLabels" . | nindent 2 }}
keySecretName: {{ include "isthmus.operatorName" . }}-key
{{- end }}
