{{/*
Sets ._credentials, the passwords and keys of the chart's own Secret: those given, else those in the cluster, else new
ones. Those in the cluster are kept even while their part is disabled, because its volume still needs them.
*/}}
{{- define "anonlink-wasm.settleCredentials" -}}
{{- $credentials := dict -}}
{{- if not .Values.credentials.existingSecret -}}
{{- $existing := lookup "v1" "Secret" .Release.Namespace (include "anonlink-wasm.fullname" .) -}}
{{- range $key, $value := (get $existing "data" | default dict) -}}
{{- $_ := set $credentials $key ($value | b64dec) -}}
{{- end -}}
{{- $needed := list -}}
{{- with .Values.postgresql -}}
{{- if .enabled -}}{{- $needed = append $needed (list "DATABASE_PASSWORD" .password 40) -}}{{- end -}}
{{- end -}}
{{- with .Values.redis -}}
{{- if .enabled -}}{{- $needed = append $needed (list "REDIS_PASSWORD" .password 40) -}}{{- end -}}
{{- end -}}
{{- if .Values.minio.enabled -}}
{{- range $prefix, $keys := dict "MINIO" .Values.minio "UPLOAD_OBJECT_STORE" .Values.uploadObjectStore "DOWNLOAD_OBJECT_STORE" .Values.downloadObjectStore -}}
{{- $needed = append $needed (list (printf "%s_ACCESS_KEY" $prefix) $keys.accessKey 20) -}}
{{- $needed = append $needed (list (printf "%s_SECRET_KEY" $prefix) $keys.secretKey 40) -}}
{{- end -}}
{{- end -}}
{{- with .Values.workers.monitor -}}
{{- if .enabled -}}
{{- $needed = append $needed (list "MONITOR_USER" (.user | default (get $credentials "MONITOR_USER") | default "monitor") 0) -}}
{{- $needed = append $needed (list "MONITOR_PASSWORD" .password 40) -}}
{{- end -}}
{{- end -}}
{{- range $needed -}}
{{- $key := index . 0 -}}
{{- $value := index . 1 | default (get $credentials $key) -}}
{{- if not $value -}}{{- $value = randAlphaNum (index . 2) -}}{{- end -}}
{{- $_ := set $credentials $key $value -}}
{{- end -}}
{{- end -}}
{{- $_ := set .Values "_credentials" $credentials -}}
{{- end }}

{{/* The Secret of a store: (list $ "postgresql"); of the monitor: (list $ "monitor"). */}}
{{- define "anonlink-wasm.secretName" -}}
{{- $root := index . 0 -}}
{{- $store := get $root.Values (index . 1) -}}
{{- if and $store (not $store.enabled) -}}
{{- $store.external.existingSecret -}}
{{- else -}}
{{- $root.Values.credentials.existingSecret | default (include "anonlink-wasm.fullname" $root) -}}
{{- end -}}
{{- end }}

{{/* A variable from a Secret: (list NAME SECRET KEY), optionally followed by IS-OPTIONAL. */}}
{{- define "anonlink-wasm.secretVariable" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
{{- if and (gt (len .) 3) (index . 3) }}
      optional: true
{{- end }}
{{- end }}

{{- define "anonlink-wasm.databasePassword" -}}
{{- $key := .Values.postgresql.enabled | ternary "DATABASE_PASSWORD" .Values.postgresql.external.passwordKey -}}
{{ include "anonlink-wasm.secretVariable" (list "DATABASE_PASSWORD" (include "anonlink-wasm.secretName" (list . "postgresql")) $key) }}
{{- end }}

{{- define "anonlink-wasm.redisPassword" -}}
{{- $key := .Values.redis.enabled | ternary "REDIS_PASSWORD" .Values.redis.external.passwordKey -}}
{{ include "anonlink-wasm.secretVariable" (list "REDIS_PASSWORD" (include "anonlink-wasm.secretName" (list . "redis")) $key) }}
{{- end }}

{{/* The keys of the object store, and of the users whose temporary credentials clients get. */}}
{{- define "anonlink-wasm.objectStoreKeys" -}}
{{- $secret := include "anonlink-wasm.secretName" (list . "minio") -}}
{{- $isExternal := not .Values.minio.enabled -}}
{{- $access := $isExternal | ternary .Values.minio.external.accessKeyKey "MINIO_ACCESS_KEY" -}}
{{- $secretKey := $isExternal | ternary .Values.minio.external.secretKeyKey "MINIO_SECRET_KEY" -}}
{{ include "anonlink-wasm.secretVariable" (list "MINIO_ACCESS_KEY" $secret $access) }}
{{ include "anonlink-wasm.secretVariable" (list "MINIO_SECRET_KEY" $secret $secretKey) }}
{{- range $prefix, $store := dict "UPLOAD" .Values.uploadObjectStore "DOWNLOAD" .Values.downloadObjectStore }}
{{- if $store.enabled }}
{{- range list "ACCESS_KEY" "SECRET_KEY" }}
{{- $name := printf "%s_OBJECT_STORE_%s" $prefix . }}
{{ include "anonlink-wasm.secretVariable" (list $name $secret $name $isExternal) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
