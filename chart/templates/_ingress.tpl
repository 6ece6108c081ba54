{{/*
An Ingress: (dict "root" $ "component" "api" "settings" .Values.api "backends" LIST), where each backend has a path, a
service and a port's name. Longer paths go first, because some classes depend on the order.
*/}}
{{- define "anonlink-wasm.ingress" -}}
{{- $ingress := .settings.ingress -}}
{{- $hosts := include "anonlink-wasm.hosts" .settings | fromYamlArray -}}
{{- $name := printf "%s-%s" (include "anonlink-wasm.fullname" .root) .component -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ $name }}
  labels: {{- include "anonlink-wasm.labels" (list .root .component) | nindent 4 }}
{{- with $ingress.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
{{- end }}
spec:
{{- with $ingress.className }}
  ingressClassName: {{ . }}
{{- end }}
{{- if $ingress.tls }}
  tls: {{- toYaml $ingress.tls | nindent 4 }}
{{- else if $ingress.secure }}
  tls:
    - secretName: {{ $ingress.tlsSecretName | default (printf "%s-tls" $name) }}
      hosts: {{- toYaml $hosts | nindent 8 }}
{{- end }}
  rules:
{{- $backends := .backends }}
{{- range $hosts }}
    - host: {{ . | quote }}
      http:
        paths:
{{- range $backends }}
          - path: {{ .path }}
            pathType: {{ .pathType }}
            backend:
              service:
                name: {{ .service }}
                port:
                  name: {{ .port }}
{{- end }}
{{- end }}
{{- end }}
