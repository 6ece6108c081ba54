{{/* Values of the Python service's chart (left) and our equivalents. */}}
{{- define "anonlink-wasm.olderNames" -}}
api.replicaCount: [api.replicas]
api.app.resources: [api.resources]
api.www.resources: [api.nginx.resources]
api.dbinit.enabled: [provision.database.enabled]
api.dbinit.resources: [provision.database.resources]
api.objectstoreinit.enabled: [provision.objectStore.enabled]
api.service.servicePort: [api.service.port]
api.service.clusterIp: [api.service.clusterIP]
workers.replicaCount: [workers.replicas]
workers.autoscaler.enabled: [workers.autoscaling.enabled]
workers.autoscaler.minReplicas: [workers.autoscaling.minReplicas]
workers.autoscaler.maxReplicas: [workers.autoscaling.maxReplicas]
workers.highmemory.replicaCount: [workers.highmemory.replicas]
anonlink.config: [config]
anonlink.objectstore.secure: [minio.external.secure]
anonlink.objectstore.uploadEnabled: [uploadObjectStore.enabled]
anonlink.objectstore.uploadServer: [uploadObjectStore.server]
anonlink.objectstore.uploadSecure: [uploadObjectStore.secure]
anonlink.objectstore.uploadAccessKey: [uploadObjectStore.accessKey]
anonlink.objectstore.uploadSecretKey: [uploadObjectStore.secretKey]
anonlink.objectstore.uploadBucket.name: [uploadObjectStore.bucket]
anonlink.objectstore.downloadEnabled: [downloadObjectStore.enabled]
anonlink.objectstore.downloadServer: [downloadObjectStore.server]
anonlink.objectstore.downloadSecure: [downloadObjectStore.secure]
anonlink.objectstore.downloadAccessKey: [downloadObjectStore.accessKey]
anonlink.objectstore.downloadSecretKey: [downloadObjectStore.secretKey]
global.postgresql.postgresqlDatabase: [postgresql.database, postgresql.external.database]
global.postgresql.postgresqlUsername: [postgresql.user, postgresql.external.user]
global.postgresql.postgresqlPassword: [postgresql.password]
postgresql.persistence.size: [postgresql.storage.size]
redis.server: [redis.external.server]
redis.useSentinel: [redis.external.useSentinel]
redis.sentinelName: [redis.external.sentinelName]
redis-ha.redisPassword: [redis.password]
redis-ha.redis.resources: [redis.resources]
redis-ha.persistentVolume.size: [redis.storage.size]
minio.server: [minio.external.server]
minio.defaultBucket.name: [minio.bucket]
minio.persistence.size: [minio.storage.size]
minio.persistence.storageClass: [minio.storage.storageClass]
provision.postgresql: [postgresql.enabled]
provision.redis: [redis.enabled]
provision.minio: [minio.enabled]
{{- end }}

{{/* The value at a path: (list $map "a.b"), as {"found": value} in JSON; {} if there is none. */}}
{{- define "anonlink-wasm.valueAt" -}}
{{- $at := index . 0 -}}
{{- $isThere := true -}}
{{- range splitList "." (index . 1) -}}
{{- if and $isThere (kindIs "map" $at) -}}
{{- if hasKey $at . -}}{{- $at = index $at . -}}{{- else -}}{{- $isThere = false -}}{{- end -}}
{{- else -}}
{{- $isThere = false -}}
{{- end -}}
{{- end -}}
{{- if and $isThere (not (kindIs "invalid" $at)) -}}{{- dict "found" $at | toJson -}}{{- else -}}{}{{- end -}}
{{- end }}

{{/* Copies values under older names to ours, and records those names in ._olderNames. */}}
{{- define "anonlink-wasm.takeOlderNames" -}}
{{- $values := .Values -}}
{{- $noted := dict -}}
{{- range $older, $ours := include "anonlink-wasm.olderNames" . | fromYaml -}}
{{- $found := include "anonlink-wasm.valueAt" (list $values $older) | fromJson -}}
{{- if hasKey $found "found" -}}
{{- range $path := $ours -}}
{{- $keys := splitList "." $path -}}
{{- $at := $values -}}
{{- range initial $keys -}}{{- $at = index $at . -}}{{- end -}}
{{- $value := $found.found -}}
{{- /* The original writes some booleans as strings. */ -}}
{{- if kindIs "bool" (index $at (last $keys)) -}}{{- $value = eq (toString $value) "true" -}}{{- end -}}
{{- $_ := set $at (last $keys) $value -}}
{{- end -}}
{{- $_ := set $noted $older (first $ours) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $values "_olderNames" $noted -}}
{{- end }}
