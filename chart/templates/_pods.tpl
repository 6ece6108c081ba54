{{/*
Settings common to all pods: (dict "root" $ "component" "api" "account" "api" "user" 10001 "scheduling" .Values.api).
No permissions, no token, no service names in the environment, no root.
*/}}
{{- define "anonlink-wasm.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
serviceAccountName: {{ include "anonlink-wasm.serviceAccount" (list .root .account) }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .scheduling.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .scheduling.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .scheduling.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .scheduling.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .scheduling.topologySpreadConstraints }}
topologySpreadConstraints:
{{- range . }}
{{- $constraint := deepCopy . }}
{{- if not (hasKey $constraint "labelSelector") }}
{{- $labels := include "anonlink-wasm.selector" (list $.root $.component) | fromYaml }}
{{- $_ := set $constraint "labelSelector" (dict "matchLabels" $labels) }}
{{- end }}
  - {{ toYaml $constraint | nindent 4 | trim }}
{{- end }}
{{- end }}
{{- end }}

{{/* The labels and annotations of a pod: (list $ "api" .Values.api CHECKSUMS), the last being a dict. */}}
{{- define "anonlink-wasm.podMetadata" -}}
{{- $settings := index . 2 -}}
labels: {{- include "anonlink-wasm.selector" . | nindent 2 }}
{{- with $settings.podLabels }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with merge (dict) (index . 3) $settings.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The minimal privileges of every container. */}}
{{- define "anonlink-wasm.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Our own image in a container. */}}
{{- define "anonlink-wasm.ownImage" -}}
image: {{ include "anonlink-wasm.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{ include "anonlink-wasm.containerSecurity" . }}
{{- end }}

{{/* The settings and secrets of api and workers. */}}
{{- define "anonlink-wasm.environment" -}}
envFrom:
  - configMapRef:
      name: {{ include "anonlink-wasm.fullname" . }}-settings
env:
  {{- include "anonlink-wasm.databasePassword" . | nindent 2 }}
  {{- include "anonlink-wasm.redisPassword" . | nindent 2 }}
  {{- include "anonlink-wasm.objectStoreKeys" . | nindent 2 }}
  {{- include "anonlink-wasm.certificateVariable" . | nindent 2 }}
{{- end }}

{{/*
An init container that brings the tables up to date before a pod's containers start, so that no pod takes work earlier,
whatever the order in which pods, stores and jobs start. If there is nothing to do, it takes a second.
*/}}
{{- define "anonlink-wasm.migration" -}}
- name: migrate
  {{- include "anonlink-wasm.ownImage" . | nindent 2 }}
  args: [migrate]
  env:
    {{- include "anonlink-wasm.databaseEnvironment" . | nindent 4 }}
    {{- include "anonlink-wasm.certificateVariable" . | nindent 4 }}
  resources: {{- toYaml .Values.provision.database.resources | nindent 4 }}
  volumeMounts:
    - name: tmp
      mountPath: /tmp
    {{- include "anonlink-wasm.certificateMount" . | nindent 4 }}
{{- end }}

{{/* The operator's own certificate authority. */}}
{{- define "anonlink-wasm.certificateVariable" -}}
{{- if .Values.extraCertificates.configMap -}}
- name: NODE_EXTRA_CA_CERTS
  value: /certificates/{{ .Values.extraCertificates.key }}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.certificateMount" -}}
{{- if .Values.extraCertificates.configMap -}}
- name: certificates
  mountPath: /certificates
  readOnly: true
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.certificateVolume" -}}
{{- with .Values.extraCertificates.configMap -}}
- name: certificates
  configMap:
    name: {{ . }}
{{- end -}}
{{- end }}

{{/* Checksums of the settings and passwords of api and workers: pods are restarted when they change. */}}
{{- define "anonlink-wasm.checksums" -}}
checksum/settings: {{ include "anonlink-wasm.settings" . | sha256sum }}
checksum/credentials: {{ omit .Values._credentials "MONITOR_USER" "MONITOR_PASSWORD" | toJson | sha256sum }}
{{- end }}
