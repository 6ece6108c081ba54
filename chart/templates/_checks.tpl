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
{{- fail (printf "Set %s.external.%s, or set %s.enabled to true." $store . $store) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.minio.ingress.enabled (not .Values.minio.enabled) -}}
{{- fail "Set minio.enabled to true, or set minio.ingress.enabled to false." -}}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.checkCredentials" -}}
{{- $given := dict -}}
{{- range list "postgresql.password" "redis.password" "minio.accessKey" "minio.secretKey" "uploadObjectStore.accessKey" "uploadObjectStore.secretKey" "downloadObjectStore.accessKey" "downloadObjectStore.secretKey" "workers.monitor.user" "workers.monitor.password" -}}
{{- $value := (include "anonlink-wasm.valueAt" (list $.Values .) | fromJson).found -}}
{{- if $value -}}
{{- $_ := set $given . $value -}}
{{- if hasPrefix "example" (lower $value) -}}
{{- fail (printf "Replace the example value of %s with your own." .) -}}
{{- end -}}
{{- /* Not in the schema, because Helm would print the refused value. */ -}}
{{- if regexMatch "(password|secretKey)$" . -}}
{{- $most := ternary "40" "" (hasSuffix "secretKey" .) -}}
{{- if not (regexMatch (printf "^[A-Za-z0-9._~-]{12,%s}$" $most) (toString $value)) -}}
{{- fail (printf "Set %s to a string of %s letters, digits, or ._~- characters." . (ternary "12 to 40" "at least 12" (hasSuffix "secretKey" .))) -}}
{{- end -}}
{{- end -}}
{{- if $.Values.credentials.existingSecret -}}
{{- fail (printf "Set either %s or credentials.existingSecret, not both." .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $path, $_ := $given -}}
{{- $part := splitList "." $path | first -}}
{{- $store := get (dict "uploadObjectStore" "minio" "downloadObjectStore" "minio") $part | default $part -}}
{{- if and (ne $store "workers") (not (index $.Values $store).enabled) -}}
{{- fail (printf "Because %s.enabled is false, remove %s and store it in the Secret named by %s.external.existingSecret." $store $path $store) -}}
{{- end -}}
{{- end -}}
{{- /* A shared key would give one user the rights of both. */ -}}
{{- range list (list "minio" "uploadObjectStore") (list "minio" "downloadObjectStore") (list "uploadObjectStore" "downloadObjectStore") -}}
{{- $one := printf "%s.accessKey" (first .) -}}
{{- $other := printf "%s.accessKey" (last .) -}}
{{- if and (hasKey $given $one) (eq (get $given $one) (get $given $other)) -}}
{{- fail (printf "Set %s and %s to different values." $one $other) -}}
{{- end -}}
{{- end -}}
{{- range list "minio" "uploadObjectStore" "downloadObjectStore" -}}
{{- if ne (hasKey $given (printf "%s.accessKey" .)) (hasKey $given (printf "%s.secretKey" .)) -}}
{{- fail (printf "Set both %s.accessKey and %s.secretKey, or neither." . .) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* (list "api" .Values.api) */}}
{{- define "anonlink-wasm.checkScaling" -}}
{{- $path := index . 0 -}}
{{- with (index . 1).autoscaling -}}
{{- if .enabled -}}
{{- if lt (int .maxReplicas) (int .minReplicas) -}}
{{- fail (printf "Increase %s.autoscaling.maxReplicas from %d to at least %s.autoscaling.minReplicas (%d)." $path (int .maxReplicas) $path (int .minReplicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (index . 1).autoscaling.enabled (not (dig "requests" "cpu" "" (index . 1).resources)) -}}
{{- fail (printf "Set %s.resources.requests.cpu, or set %s.autoscaling.enabled to false." $path $path) -}}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.checkWorkers" -}}
{{- with .Values.workers -}}
{{- if gt (add (int .drainSeconds) 10) (int .terminationGracePeriodSeconds) -}}
{{- fail (printf "Increase workers.terminationGracePeriodSeconds from %d to at least %d (workers.drainSeconds + 10)." (int .terminationGracePeriodSeconds) (add (int .drainSeconds) 10)) -}}
{{- end -}}
{{- if not (regexMatch "^((rediss?|sentinel)://[^@]+)?$" .celery.BROKER_URL) -}}
{{- fail "Set workers.celery.BROKER_URL to a redis://, rediss://, or sentinel:// URL without credentials." -}}
{{- end -}}
{{- if gt (int .celery.DB_MIN_CONNECTIONS) (int .celery.DB_MAX_CONNECTIONS) -}}
{{- fail "Set workers.celery.DB_MAX_CONNECTIONS to at least workers.celery.DB_MIN_CONNECTIONS." -}}
{{- end -}}
{{- if and .monitor.ingress.enabled (not (and .monitor.enabled $.Values.api.ingress.enabled)) -}}
{{- fail "Set workers.monitor.enabled and api.ingress.enabled to true, or set workers.monitor.ingress.enabled to false." -}}
{{- end -}}
{{- end -}}
{{- if gt (int .Values.api.DB_MIN_CONNECTIONS) (int .Values.api.DB_MAX_CONNECTIONS) -}}
{{- fail "Set api.DB_MAX_CONNECTIONS to at least api.DB_MIN_CONNECTIONS." -}}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.checkDoors" -}}
{{- range list "api" "minio" -}}
{{- $settings := index $.Values . -}}
{{- if and $settings.ingress.enabled (not $settings.domain) (not $settings.ingress.hosts) -}}
{{- fail (printf "Set %s.domain or %s.ingress.hosts, or set %s.ingress.enabled to false." . . .) -}}
{{- end -}}
{{- end -}}
{{- with .Values.api -}}
{{- if and .service.nodePort (eq .service.type "ClusterIP") -}}
{{- fail "Set api.service.nodePort to 0, or set api.service.type to NodePort or LoadBalancer." -}}
{{- end -}}
{{- if and .service.externalTrafficPolicy (eq .service.type "ClusterIP") -}}
{{- fail "Remove api.service.externalTrafficPolicy, or set api.service.type to NodePort or LoadBalancer." -}}
{{- end -}}
{{- $buffer := include "anonlink-wasm.bytes" .nginx.buffer.size | int64 -}}
{{- $needed := mul (include "anonlink-wasm.bytes" .nginx.MAX_BODY_SIZE | int64) (int64 .nginx.MAX_UPLOADS) -}}
{{- if lt $buffer $needed -}}
{{- fail (printf "Increase api.nginx.buffer.size from %s to at least %dMi (api.nginx.MAX_UPLOADS * api.nginx.MAX_BODY_SIZE)." .nginx.buffer.size (div (add $needed 1048575) 1048576)) -}}
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
{{- fail (printf "Increase postgresql.settings.max_connections from %d to at least %d, or reduce the number of api or workers replicas." $most $needed) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "anonlink-wasm.mostReplicas" -}}
{{- if .autoscaling.enabled -}}{{- int .autoscaling.maxReplicas -}}{{- else -}}{{- int .replicas -}}{{- end -}}
{{- end }}
