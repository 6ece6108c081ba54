{{/* The stores' addresses as our own pods reach them: host:port. */}}
{{- define "anonlink-wasm.databaseServer" -}}
{{- if .Values.postgresql.enabled -}}
{{- include "anonlink-wasm.fullname" . }}-postgresql:5432
{{- else -}}
{{- .Values.postgresql.external.host }}:{{ int .Values.postgresql.external.port }}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.redisServer" -}}
{{- if .Values.redis.enabled -}}
{{- include "anonlink-wasm.fullname" . }}-redis:6379
{{- else -}}
{{- .Values.redis.external.server }}:{{ int .Values.redis.external.port }}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.objectStoreServer" -}}
{{- if .Values.minio.enabled -}}
{{- include "anonlink-wasm.fullname" . }}-minio:9000
{{- else if contains ":" .Values.minio.external.server -}}
{{- .Values.minio.external.server -}}
{{- else -}}
{{- .Values.minio.external.server }}:{{ .Values.minio.external.secure | ternary 443 80 }}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.objectStoreIsSecure" -}}
{{- and (not .Values.minio.enabled) .Values.minio.external.secure -}}
{{- end }}

{{/*
Where clients reach the object store: (list $ .Values.uploadObjectStore), as {server, secure} in YAML. The server set
there, else the host of MinIO's ingress, else the address that our own pods use.
*/}}
{{- define "anonlink-wasm.sharedServer" -}}
{{- $root := index . 0 -}}
{{- $store := index . 1 -}}
{{- $minio := $root.Values.minio -}}
{{- if $store.server -}}
server: {{ $store.server | quote }}
secure: {{ $store.secure }}
{{- else if $minio.ingress.enabled -}}
server: {{ include "anonlink-wasm.hosts" $minio | fromYamlArray | first | quote }}
secure: {{ $minio.ingress.secure }}
{{- else -}}
server: {{ include "anonlink-wasm.objectStoreServer" $root | quote }}
secure: {{ include "anonlink-wasm.objectStoreIsSecure" $root }}
{{- end -}}
{{- end }}

{{/* All host names of a part with an ingress; the argument is the part's values. */}}
{{- define "anonlink-wasm.hosts" -}}
{{- $hosts := .ingress.hosts -}}
{{- if .domain -}}{{- $hosts = prepend $hosts .domain | uniq -}}{{- end -}}
{{- $hosts | toYaml -}}
{{- end }}

{{/* The database connection, for containers that need nothing else. */}}
{{- define "anonlink-wasm.databaseEnvironment" -}}
- name: DATABASE_SERVER
  value: {{ include "anonlink-wasm.databaseServer" . | quote }}
{{- with .Values.postgresql.enabled | ternary .Values.postgresql .Values.postgresql.external }}
- name: DATABASE
  value: {{ .database | quote }}
- name: DATABASE_USER
  value: {{ .user | quote }}
{{- end }}
{{- with include "anonlink-wasm.databaseTls" . }}
- name: PGSSLMODE
  value: {{ . }}
{{- end }}
{{ include "anonlink-wasm.databasePassword" . }}
{{- end }}

{{- define "anonlink-wasm.databaseTls" -}}
{{- if not .Values.postgresql.enabled -}}{{- .Values.postgresql.external.sslMode -}}{{- end -}}
{{- end }}

{{/*
"yes" if a database may exist before this upgrade: an external one, or the chart's own if it is in the cluster already.
Also "yes" if no cluster can be queried, which is detected by a ConfigMap that exists in every namespace.
*/}}
{{- define "anonlink-wasm.databaseMayAnswer" -}}
{{- $cluster := lookup "v1" "ConfigMap" .Release.Namespace "kube-root-ca.crt" -}}
{{- $own := lookup "apps/v1" "StatefulSet" .Release.Namespace (printf "%s-postgresql" (include "anonlink-wasm.fullname" .)) -}}
{{- if or (not .Values.postgresql.enabled) (not $cluster) $own -}}yes{{- end -}}
{{- end }}
