{{/* The Service of a store: (list $ "redis" 6379). */}}
{{- define "anonlink-wasm.storeService" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "anonlink-wasm.fullname" (index . 0) }}-{{ index . 1 }}
  labels: {{- include "anonlink-wasm.labels" . | nindent 4 }}
spec:
  selector: {{- include "anonlink-wasm.selector" . | nindent 4 }}
  ports:
    - name: {{ index . 1 }}
      port: {{ index . 2 }}
      targetPort: {{ index . 1 }}
{{- end }}

{{/* The head of a store's StatefulSet: (list $ "redis"). One pod, one volume. */}}
{{- define "anonlink-wasm.storeHead" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ include "anonlink-wasm.fullname" (index . 0) }}-{{ index . 1 }}
  labels: {{- include "anonlink-wasm.labels" . | nindent 4 }}
spec:
  serviceName: {{ include "anonlink-wasm.fullname" (index . 0) }}-{{ index . 1 }}
  replicas: 1
  revisionHistoryLimit: 5
  selector:
    matchLabels: {{- include "anonlink-wasm.selector" . | nindent 6 }}
{{- end }}

{{/* Its volume. Nothing here may change later: Kubernetes would refuse the upgrade, with a less clear message. */}}
{{- define "anonlink-wasm.storeVolume" -}}
{{- $root := index . 0 -}}
{{- $store := index . 1 -}}
{{- $storage := (index $root.Values $store).storage -}}
{{- $existing := lookup "apps/v1" "StatefulSet" $root.Release.Namespace (printf "%s-%s" (include "anonlink-wasm.fullname" $root) $store) -}}
{{- range dig "spec" "volumeClaimTemplates" list $existing -}}
{{- $size := dig "spec" "resources" "requests" "storage" "" . -}}
{{- /* Kubernetes writes 1024Mi as 1Gi. */ -}}
{{- if and (eq .metadata.name "data") (ne (include "anonlink-wasm.bytes" $size) (include "anonlink-wasm.bytes" $storage.size)) -}}
{{- fail (printf "Set %s.storage.size back to %s, or, to grow the volume to %s, resize its PersistentVolumeClaim and delete the StatefulSet with --cascade=orphan before upgrading." $store $size $storage.size) -}}
{{- end -}}
{{- end -}}
volumeClaimTemplates:
  - apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: data
      labels: {{- include "anonlink-wasm.selector" . | nindent 8 }}
    spec:
      accessModes: [ReadWriteOnce]
{{- with $storage.storageClass | default $root.Values.storageClass }}
      storageClassName: {{ . }}
{{- end }}
      resources:
        requests:
          storage: {{ $storage.size }}
{{- end }}
