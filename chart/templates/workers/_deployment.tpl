{{/*
A Deployment of workers: (dict "root" $ "component" "worker" "settings" .Values.workers "queues" "celery,compute"
"concurrency" 2).
*/}}
{{- define "anonlink-wasm.workers" -}}
{{- $workers := .root.Values.workers -}}
{{- $checksums := include "anonlink-wasm.checksums" .root | fromYaml -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "anonlink-wasm.fullname" .root }}-{{ .component }}
  labels: {{- include "anonlink-wasm.labels" (list .root .component) | nindent 4 }}
spec:
{{- if not .settings.autoscaling.enabled }}
  replicas: {{ int .settings.replicas }}
{{- end }}
  revisionHistoryLimit: 5
  progressDeadlineSeconds: 900
  strategy: {{- include "anonlink-wasm.strategy" .settings.strategy | nindent 4 }}
  selector:
    matchLabels: {{- include "anonlink-wasm.selector" (list .root .component) | nindent 6 }}
  template:
    metadata:
      {{- include "anonlink-wasm.podMetadata" (list .root .component .settings $checksums) | nindent 6 }}
    spec:
      {{- include "anonlink-wasm.pod" (dict "root" .root "component" .component "account" "worker" "user" 10001 "scheduling" .settings) | nindent 6 }}
      terminationGracePeriodSeconds: {{ int $workers.terminationGracePeriodSeconds }}
{{- if .root.Values.provision.database.enabled }}
      initContainers:
        {{- include "anonlink-wasm.migration" .root | nindent 8 }}
{{- end }}
      containers:
        - name: worker
          {{- include "anonlink-wasm.ownImage" .root | nindent 10 }}
          args:
            - worker
            - --queues
            - {{ .queues }}
            - --concurrency
            - {{ include "anonlink-wasm.wholeNumber" .concurrency | quote }}
            - --health-port
            - "8852"
            - --log-level
            - {{ $workers.logLevel }}
          {{- include "anonlink-wasm.environment" .root | nindent 10 }}
          ports:
            - name: health
              containerPort: 8852
          startupProbe:
            httpGet: { path: /healthz, port: health }
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /healthz, port: health }
            periodSeconds: 20
            timeoutSeconds: 10
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /readyz, port: health }
            periodSeconds: 10
            timeoutSeconds: 5
          resources: {{- toYaml .settings.resources | nindent 12 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            {{- include "anonlink-wasm.certificateMount" .root | nindent 12 }}
      volumes:
        - name: tmp
          emptyDir: { sizeLimit: {{ .settings.temporarySize }} }
        {{- include "anonlink-wasm.certificateVolume" .root | nindent 8 }}
{{- end }}
