{{/* Refuses values that the schema allows but that cannot work, alone or together. The message names the key. */}}
{{- define "anonlink-wasm.check" -}}
{{- include "anonlink-wasm.checkStores" . -}}
{{- include "anonlink-wasm.checkCredentials" . -}}
{{- include "anonlink-wasm.checkScaling" (list "api" .Values.api) -}}
{{- include "anonlink-wasm.checkScaling" (list "workers" .Values.workers) -}}
{{- include "anonlink-wasm.checkScaling" (list "workers.highmemory" .Values.workers.highmemory) -}}
{{- include "anonlink-wasm.checkWorkers" . -}}
{{- include "anonlink-wasm.checkDoors" . -}}
{{- include "anonlink-wasm.checkConnections" . -}}
{{- end }}

{{- define "anonlink-wasm.checkStores" -}}
{{- $stores := dict "postgresql" "host" "redis" "server" "minio" "server" -}}
{{- range $store, $address := $stores -}}
{{- $settings := index $.Values $store -}}
{{- if not $settings.enabled -}}
{{- range list $address "existingSecret" -}}
{{- if not (index $settings.external .) -}}
{{- fail (printf "%s.external.%s: expected a value, because %s.enabled is false." $store . $store) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.minio.ingress.enabled (not .Values.minio.enabled) -}}
{{- fail "minio.ingress.enabled: expected false, because minio.enabled is false: there is no object store of the chart's own." -}}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.checkCredentials" -}}
{{- $given := dict -}}
{{- range list "postgresql.password" "redis.password" "minio.accessKey" "minio.secretKey" "uploadObjectStore.accessKey" "uploadObjectStore.secretKey" "downloadObjectStore.accessKey" "downloadObjectStore.secretKey" "workers.monitor.user" "workers.monitor.password" -}}
{{- $value := (include "anonlink-wasm.valueAt" (list $.Values .) | fromJson).found -}}
{{- if $value -}}
{{- $_ := set $given . $value -}}
{{- if hasPrefix "example" (lower $value) -}}
{{- fail (printf "%s: expected a value of your own, got that of an example." .) -}}
{{- end -}}
{{- /* Not in the schema, because Helm would print the refused value. */ -}}
{{- if regexMatch "(password|secretKey)$" . -}}
{{- $most := ternary "40" "" (hasSuffix "secretKey" .) -}}
{{- if not (regexMatch (printf "^[A-Za-z0-9._~-]{12,%s}$" $most) (toString $value)) -}}
{{- fail (printf "%s: expected 12 %s letters, digits and ._~-, got something else." . (ternary "to 40" "or more" (hasSuffix "secretKey" .))) -}}
{{- end -}}
{{- end -}}
{{- if $.Values.credentials.existingSecret -}}
{{- fail (printf "%s: expected no value, because credentials.existingSecret holds it." .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $path, $_ := $given -}}
{{- $part := splitList "." $path | first -}}
{{- $store := get (dict "uploadObjectStore" "minio" "downloadObjectStore" "minio") $part | default $part -}}
{{- if and (ne $store "workers") (not (index $.Values $store).enabled) -}}
{{- fail (printf "%s: expected no value, because %s.enabled is false: put it into the Secret that %s.external.existingSecret names." $path $store $store) -}}
{{- end -}}
{{- end -}}
{{- /* A shared key would give one user the rights of both. */ -}}
{{- range list (list "minio" "uploadObjectStore") (list "minio" "downloadObjectStore") (list "uploadObjectStore" "downloadObjectStore") -}}
{{- $one := printf "%s.accessKey" (first .) -}}
{{- $other := printf "%s.accessKey" (last .) -}}
{{- if and (hasKey $given $one) (eq (get $given $one) (get $given $other)) -}}
{{- fail (printf "%s: expected another one than %s." $other $one) -}}
{{- end -}}
{{- end -}}
{{- range list "minio" "uploadObjectStore" "downloadObjectStore" -}}
{{- if ne (hasKey $given (printf "%s.accessKey" .)) (hasKey $given (printf "%s.secretKey" .)) -}}
{{- fail (printf "%s.accessKey, %s.secretKey: expected both, or neither." . .) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* (list "api" .Values.api) */}}
{{- define "anonlink-wasm.checkScaling" -}}
{{- $path := index . 0 -}}
{{- with (index . 1).autoscaling -}}
{{- if .enabled -}}
{{- if lt (int .maxReplicas) (int .minReplicas) -}}
{{- fail (printf "%s.autoscaling.maxReplicas: expected %d or more, as many as minReplicas, got %d." $path (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (index . 1).autoscaling.enabled (not (dig "requests" "cpu" "" (index . 1).resources)) -}}
{{- fail (printf "%s.resources.requests.cpu: expected a value, because %s.autoscaling goes by the part of it that is used." $path $path) -}}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.checkWorkers" -}}
{{- with .Values.workers -}}
{{- if gt (add (int .drainSeconds) 10) (int .terminationGracePeriodSeconds) -}}
{{- fail (printf "workers.terminationGracePeriodSeconds: expected %d or more, 10 more than workers.drainSeconds, got %d." (add (int .drainSeconds) 10) (int .terminationGracePeriodSeconds)) -}}
{{- end -}}
{{- if not (regexMatch "^((rediss?|sentinel)://[^@]+)?$" .celery.BROKER_URL) -}}
{{- fail "workers.celery.BROKER_URL: expected a URL of redis, rediss or sentinel, without a password." -}}
{{- end -}}
{{- if gt (int .celery.DB_MIN_CONNECTIONS) (int .celery.DB_MAX_CONNECTIONS) -}}
{{- fail "workers.celery.DB_MAX_CONNECTIONS: expected DB_MIN_CONNECTIONS or more." -}}
{{- end -}}
{{- if and .monitor.ingress.enabled (not (and .monitor.enabled $.Values.api.ingress.enabled)) -}}
{{- fail "workers.monitor.ingress.enabled: expected false, because workers.monitor.enabled or api.ingress.enabled is false." -}}
{{- end -}}
{{- end -}}
{{- if gt (int .Values.api.DB_MIN_CONNECTIONS) (int .Values.api.DB_MAX_CONNECTIONS) -}}
{{- fail "api.DB_MAX_CONNECTIONS: expected DB_MIN_CONNECTIONS or more." -}}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.checkDoors" -}}
{{- range list "api" "minio" -}}
{{- $settings := index $.Values . -}}
{{- if and $settings.ingress.enabled (not $settings.domain) (not $settings.ingress.hosts) -}}
{{- fail (printf "%s.domain: expected a host name, because %s.ingress.enabled is true." . .) -}}
{{- end -}}
{{- end -}}
{{- with .Values.api -}}
{{- if and .service.nodePort (eq .service.type "ClusterIP") -}}
{{- fail "api.service.nodePort: expected 0, because api.service.type is ClusterIP." -}}
{{- end -}}
{{- if and .service.externalTrafficPolicy (eq .service.type "ClusterIP") -}}
{{- fail "api.service.externalTrafficPolicy: expected no value, because api.service.type is ClusterIP." -}}
{{- end -}}
{{- $buffer := include "anonlink-wasm.bytes" .nginx.buffer.size | int64 -}}
{{- $needed := mul (include "anonlink-wasm.bytes" .nginx.MAX_BODY_SIZE | int64) (int64 .nginx.MAX_UPLOADS) -}}
{{- if lt $buffer $needed -}}
{{- fail (printf "api.nginx.buffer.size: expected %d MiB or more, MAX_UPLOADS of MAX_BODY_SIZE, got %s." (div (add $needed 1048575) 1048576) .nginx.buffer.size) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The chart's own PostgreSQL must have enough connections for the maximum number of pods. */}}
{{- define "anonlink-wasm.checkConnections" -}}
{{- if .Values.postgresql.enabled -}}
{{- $workers := .Values.workers -}}
{{- $pods := include "anonlink-wasm.mostReplicas" $workers | int -}}
{{- if $workers.highmemory.enabled -}}
{{- $pods = add $pods (include "anonlink-wasm.mostReplicas" $workers.highmemory | int) -}}
{{- end -}}
{{- $ofWorkers := mul $pods (int $workers.celery.DB_MAX_CONNECTIONS) -}}
{{- $ofApi := mul (add 1 (include "anonlink-wasm.mostReplicas" .Values.api | int)) (int .Values.api.DB_MAX_CONNECTIONS) -}}
{{- /* 10: PostgreSQL's own reserve, migrations, and an operator's session. */ -}}
{{- $needed := add $ofWorkers $ofApi 10 -}}
{{- $most := int (get .Values.postgresql.settings "max_connections" | default 100) -}}
{{- if lt $most (int $needed) -}}
{{- fail (printf "postgresql.settings.max_connections: expected %d or more, for all replicas of api and workers, got %d." $needed $most) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.mostReplicas" -}}
{{- if .autoscaling.enabled -}}{{- int .autoscaling.maxReplicas -}}{{- else -}}{{- int .replicas -}}{{- end -}}
{{- end }}
