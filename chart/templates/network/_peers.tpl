{{/* The pods of components, as peers: (list $ (list "api" "worker")). "test" includes test pods of other releases. */}}
{{- define "anonlink-wasm.peers" -}}
{{- $root := index . 0 -}}
{{- range index . 1 }}
{{- $labels := include "anonlink-wasm.selector" (list $root .) | fromYaml }}
{{- if eq . "test" }}{{- $labels = omit $labels "app.kubernetes.io/instance" }}{{- end }}
- podSelector:
    matchLabels: {{- toYaml $labels | nindent 6 }}
{{- end }}
{{- end }}

{{/* One rule: from these components to a port: (list $ (list "api") 5432). */}}
{{- define "anonlink-wasm.ruleFrom" -}}
- from: {{- include "anonlink-wasm.peers" . | trim | nindent 4 }}
  ports:
    - { protocol: TCP, port: {{ index . 2 }} }
{{- end }}

{{/* One rule: to these components at a port, with the same arguments. */}}
{{- define "anonlink-wasm.ruleTo" -}}
- to: {{- include "anonlink-wasm.peers" . | trim | nindent 4 }}
  ports:
    - { protocol: TCP, port: {{ index . 2 }} }
{{- end }}

{{/* One rule: from the peers in a value, or from everyone if it is empty: (list PEERS PORTS). */}}
{{- define "anonlink-wasm.ruleFromValue" -}}
- ports:
{{- range index . 1 }}
    - { protocol: TCP, port: {{ . }} }
{{- end }}
{{- with index . 0 }}
  from: {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}

{{/* One rule: to an external server, given as host:port. Only its port can be restricted. */}}
{{- define "anonlink-wasm.ruleToOutside" -}}
- ports:
    - { protocol: TCP, port: {{ splitList ":" . | last }} }
{{- end }}

{{/* One rule: to the cluster's DNS, whose ports depend on the distribution. */}}
{{- define "anonlink-wasm.ruleToDns" -}}
- ports:
    - { protocol: UDP, port: 53 }
    - { protocol: TCP, port: 53 }
    - { protocol: UDP, port: 5353 }
    - { protocol: TCP, port: 5353 }
{{- end }}

{{- define "anonlink-wasm.rulesToDatabase" -}}
{{- if .Values.postgresql.enabled -}}
{{ include "anonlink-wasm.ruleTo" (list . (list "postgresql") 5432) }}
{{- else -}}
{{ include "anonlink-wasm.ruleToOutside" (include "anonlink-wasm.databaseServer" .) }}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.rulesToRedis" -}}
{{- if .Values.redis.enabled }}
{{ include "anonlink-wasm.ruleTo" (list . (list "redis") 6379) }}
{{- else }}
{{ include "anonlink-wasm.ruleToOutside" (include "anonlink-wasm.redisServer" .) }}
{{- if .Values.redis.external.useSentinel }}
{{- /* The master that Sentinel returns. */}}
- ports:
    - { protocol: TCP, port: 6379 }
{{- end }}
{{- end }}
{{- with .Values.workers.celery.BROKER_URL }}
- ports:
    - { protocol: TCP, port: {{ regexFind ":[0-9]+(/|$)" . | trimPrefix ":" | trimSuffix "/" | default 6379 }} }
{{- end }}
{{- end }}

{{- define "anonlink-wasm.rulesToObjectStore" -}}
{{- if .Values.minio.enabled }}
{{ include "anonlink-wasm.ruleTo" (list . (list "minio") 9000) }}
{{- else }}
{{ include "anonlink-wasm.ruleToOutside" (include "anonlink-wasm.objectStoreServer" .) }}
{{- end }}
{{- end }}

{{/*
The API requests temporary credentials at the address that clients get. If an ingress of this cluster serves that
address, its pods may listen on any port.
*/}}
{{- define "anonlink-wasm.rulesToSharedServers" -}}
{{- $own := include "anonlink-wasm.objectStoreServer" . -}}
{{- $areElsewhere := false -}}
{{- range list .Values.uploadObjectStore .Values.downloadObjectStore -}}
{{- $at := include "anonlink-wasm.sharedServer" (list $ .) | fromYaml -}}
{{- if and .enabled (ne $at.server $own) -}}{{- $areElsewhere = true -}}{{- end -}}
{{- end -}}
{{- if $areElsewhere -}}
- ports:
    - { protocol: TCP }
{{- end -}}
{{- end }}

{{/* What the operator allows in addition. */}}
{{- define "anonlink-wasm.rulesToMore" -}}
{{- with .Values.networkPolicy.egressTo -}}
- to: {{- toYaml . | nindent 4 }}
{{- end -}}
{{- end }}
