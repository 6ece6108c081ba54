{{/* An autoscaler on CPU: (dict "root" $ "component" "worker" "settings" .Values.workers). */}}
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
      # Chunks end and others begin: a short rest is no reason.
      stabilizationWindowSeconds: 300
      policies:
        - { type: Percent, value: 25, periodSeconds: 60 }
        - { type: Pods, value: 1, periodSeconds: 60 }
{{- end }}
{{- end }}

{{/* How many pods of a component may go at once when nodes are emptied: the same arguments. */}}
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

{{/* How pods take turns at an upgrade; Recreate allows nothing beside its name. */}}
{{- define "anonlink-wasm.strategy" -}}
{{- eq .type "Recreate" | ternary (pick . "type") . | toYaml -}}
{{- end }}
