{{/* The settings of api and workers by environment variable, without passwords. */}}
{{- define "anonlink-wasm.settings" -}}
{{- $settings := dict -}}
{{- include "anonlink-wasm.storeSettings" (list . $settings) -}}
{{- include "anonlink-wasm.sharedStoreSettings" (list . $settings) -}}
{{- $_ := set $settings "ENCODING_STORE" .Values.encodingStore -}}
{{- $api := .Values.api -}}
{{- range list "CORS_ORIGINS" "LOG_HTTP_HEADER_FIELDS" -}}{{- $_ := set $settings . (get $api .) -}}{{- end -}}
{{- range list "MAX_UPLOAD_BYTES" "MAX_UPLOAD_ROWS" "MAX_BLOCKS_PER_ROW" "MAX_BLOCK_NAME_BYTES" "UPLOAD_BLOCK_MEMORY_BYTES" "UPLOAD_LEASE_SECONDS" "MAX_JSON_BYTES" "MAX_PARTIES" "MIN_ENCODING_SIZE" "MAX_ENCODING_SIZE" -}}
{{- $_ := set $settings . (include "anonlink-wasm.wholeNumber" (get $api .)) -}}
{{- end -}}
{{- range list "MIN" "MAX" -}}
{{- $_ := set $settings (printf "FLASK_DB_%s_CONNECTIONS" .) (include "anonlink-wasm.wholeNumber" (get $api (printf "DB_%s_CONNECTIONS" .))) -}}
{{- end -}}
{{- $workers := .Values.workers -}}
{{- range list "CHUNK_SIZE_AIM" "SIMILARITY_SCORES_MAX_CANDIDATE_PAIRS" "SOLVER_MAX_CANDIDATE_PAIRS" "ENCODING_CACHE_BYTES" "CACHE_EXPIRY_SECONDS" -}}
{{- $_ := set $settings . (include "anonlink-wasm.wholeNumber" (get $workers .)) -}}
{{- end -}}
{{- range $name, $key := include "anonlink-wasm.celeryNumbers" . | fromYaml -}}
{{- $_ := set $settings $name (include "anonlink-wasm.wholeNumber" (get $workers.celery $key)) -}}
{{- end -}}
{{- $_ := set $settings "CELERY_SHUTDOWN_GRACE_SECONDS" (include "anonlink-wasm.wholeNumber" $workers.drainSeconds) -}}
{{- $_ := set $settings "CELERY_ACKS_LATE" $workers.celery.ACKS_LATE -}}
{{- $_ := set $settings "CELERY_ROUTES" $workers.celery.ROUTES -}}
{{- $_ := set $settings "CELERY_BROKER_TRANSPORT_OPTIONS" $workers.celery.BROKER_TRANSPORT_OPTIONS -}}
{{- $_ := set $settings "CELERY_WORKER_ENABLE_REMOTE_CONTROL" $workers.celery.WORKER_ENABLE_REMOTE_CONTROL -}}
{{- $_ := set $settings "CELERY_BROKER_URL" $workers.celery.BROKER_URL -}}
{{- range $name, $value := .Values.config -}}
{{- $_ := set $settings $name (kindIs "float64" $value | ternary (include "anonlink-wasm.wholeNumber" $value) $value) -}}
{{- end -}}
{{- range $name, $value := $settings -}}
{{- if ne (toString $value) "" }}
{{ $name }}: {{ toString $value | quote }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.celeryNumbers" -}}
CELERYD_CONCURRENCY: CONCURRENCY
CELERYD_PREFETCH_MULTIPLIER: PREFETCH_MULTIPLIER
CELERYD_MAX_TASKS_PER_CHILD: MAX_TASKS_PER_CHILD
CELERY_VISIBILITY_TIMEOUT_SECONDS: VISIBILITY_TIMEOUT_SECONDS
CELERY_MAX_MESSAGE_BYTES: MAX_MESSAGE_BYTES
CELERY_BROKER_SOCKET_TIMEOUT_SECONDS: BROKER_SOCKET_TIMEOUT_SECONDS
CELERY_DB_MIN_CONNECTIONS: DB_MIN_CONNECTIONS
CELERY_DB_MAX_CONNECTIONS: DB_MAX_CONNECTIONS
{{- end }}

{{- define "anonlink-wasm.storeSettings" -}}
{{- $root := index . 0 -}}
{{- $settings := index . 1 -}}
{{- $database := $root.Values.postgresql.enabled | ternary $root.Values.postgresql $root.Values.postgresql.external -}}
{{- $_ := set $settings "DATABASE_SERVER" (include "anonlink-wasm.databaseServer" $root) -}}
{{- $_ := set $settings "DATABASE" $database.database -}}
{{- $_ := set $settings "DATABASE_USER" $database.user -}}
{{- $_ := set $settings "PGSSLMODE" (include "anonlink-wasm.databaseTls" $root) -}}
{{- $_ := set $settings "REDIS_SERVER" (include "anonlink-wasm.redisServer" $root) -}}
{{- if and (not $root.Values.redis.enabled) $root.Values.redis.external.useSentinel -}}
{{- $_ := set $settings "REDIS_USE_SENTINEL" "true" -}}
{{- $_ := set $settings "REDIS_SENTINEL_NAME" $root.Values.redis.external.sentinelName -}}
{{- end -}}
{{- $_ := set $settings "MINIO_SERVER" (include "anonlink-wasm.objectStoreServer" $root) -}}
{{- $_ := set $settings "MINIO_SECURE" (include "anonlink-wasm.objectStoreIsSecure" $root) -}}
{{- $_ := set $settings "MINIO_BUCKET" $root.Values.minio.bucket -}}
{{- end }}

{{- define "anonlink-wasm.sharedStoreSettings" -}}
{{- $root := index . 0 -}}
{{- $settings := index . 1 -}}
{{- $_ := set $settings "UPLOAD_OBJECT_STORE_ENABLED" $root.Values.uploadObjectStore.enabled -}}
{{- range $use, $store := dict "UPLOAD" $root.Values.uploadObjectStore "DOWNLOAD" $root.Values.downloadObjectStore -}}
{{- if $store.enabled -}}
{{- $at := include "anonlink-wasm.sharedServer" (list $root $store) | fromYaml -}}
{{- $_ := set $settings (printf "%s_OBJECT_STORE_SERVER" $use) $at.server -}}
{{- $_ := set $settings (printf "%s_OBJECT_STORE_SECURE" $use) $at.secure -}}
{{- $_ := set $settings (printf "%s_OBJECT_STORE_STS_DURATION" $use) (include "anonlink-wasm.wholeNumber" $store.stsDuration) -}}
{{- end -}}
{{- end -}}
{{- if $root.Values.uploadObjectStore.enabled -}}
{{- $_ := set $settings "UPLOAD_OBJECT_STORE_BUCKET" $root.Values.uploadObjectStore.bucket -}}
{{- end -}}
{{- end }}
