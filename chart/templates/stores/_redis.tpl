{{/* The append-only file has every acknowledged command; nothing is evicted when memory is full. */}}
{{- define "anonlink-wasm.redisConfiguration" -}}
bind * -::*
port 6379
dir /data
appendonly yes
appendfsync {{ .Values.redis.appendfsync }}
aof-use-rdb-preamble yes
save ""
maxmemory-policy noeviction
include /tmp/password.conf
{{ end }}

{{/* A shell command that succeeds if Redis' reply to PING matches a pattern. */}}
{{- define "anonlink-wasm.redisProbe" -}}
REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli -h 127.0.0.1 ping 2>&1 | grep -qE '{{ . }}'
{{- end }}
