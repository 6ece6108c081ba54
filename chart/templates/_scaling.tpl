{{/* A CPU autoscaler: (dict "root" $ "component" "worker" "settings" .Values.workers). */}}
{{- define "anonlink-wasm.autoscaler" -}}
{{- $name := printf "%s-%s" (include "anonlink-wasm.fullname" .root) .component -}}
{{- with .settings.autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name }}
  labels: {{- include "anonlink-wasm.labels" (list $.root $.component) | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ $name }}
  minReplicas: {{ int .minReplicas }}
  maxReplicas: {{ int .maxReplicas }}
  metrics:
    - type: ContainerResource
      containerResource:
        name: cpu
        container: {{ $.container }}
        target:
          type: Utilization
          averageUtilization: {{ int .targetCPUUtilizationPercentage }}
  behavior:
    scaleDown:
      # Do not scale down in the short pauses between chunks.
      stabilizationWindowSeconds: 300
      policies:
        - { type: Percent, value: 25, periodSeconds: 60 }
        - { type: Pods, value: 1, periodSeconds: 60 }
{{- end }}
{{- end }}

{{/* How many pods of a component may be evicted at once when nodes are drained: the same arguments. */}}
{{- define "anonlink-wasm.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "anonlink-wasm.fullname" .root }}-{{ .component }}
  labels: {{- include "anonlink-wasm.labels" (list .root .component) | nindent 4 }}
spec:
  maxUnavailable: {{ .settings.podDisruptionBudget.maxUnavailable }}
  selector:
    matchLabels: {{- include "anonlink-wasm.selector" (list .root .component) | nindent 6 }}
{{- end }}

{{/* How pods are replaced during an upgrade; Recreate allows no other keys than its type. */}}
{{- define "anonlink-wasm.strategy" -}}
{{- eq .type "Recreate" | ternary (pick . "type") . | toYaml -}}
{{- end }}
