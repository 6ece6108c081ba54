{{/*
A NetworkPolicy: (dict "root" $ "component" "api" "ingress" RULES "egress" RULES), with rules as YAML strings; no rules
means no access.
*/}}
{{- define "anonlink-wasm.networkPolicy" -}}
{{- $policesEgress := .root.Values.networkPolicy.egress -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "anonlink-wasm.fullname" .root }}-{{ .component }}
  labels: {{- include "anonlink-wasm.labels" (list .root .component) | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "anonlink-wasm.selector" (list .root .component) | nindent 6 }}
  policyTypes: [Ingress{{ if $policesEgress }}, Egress{{ end }}]
  ingress: {{- .ingress | default "[]" | nindent 4 }}
{{- if $policesEgress }}
  egress: {{- .egress | default "[]" | nindent 4 }}
{{- end }}
{{- end }}
