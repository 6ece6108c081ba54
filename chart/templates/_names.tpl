{{/* Names. 36 characters leave room for suffixes that Kubernetes and the chart add. */}}
{{- define "anonlink-wasm.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 36 | trimSuffix "-" -}}
{{- end }}

{{- define "anonlink-wasm.fullname" -}}
{{- $name := include "anonlink-wasm.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 36 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 36 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 36 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* The labels that select the pods of a component: (list $ "api"). They never change between chart versions. */}}
{{- define "anonlink-wasm.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "anonlink-wasm.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* The labels of an object: (list $ "api"). */}}
{{- define "anonlink-wasm.labels" -}}
{{- $root := index . 0 -}}
{{ include "anonlink-wasm.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: anonlink-wasm
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Our own image. */}}
{{- define "anonlink-wasm.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* image and imagePullPolicy of a third-party image: an image value. */}}
{{- define "anonlink-wasm.foreignImage" -}}
image: {{ printf "%s:%s" .repository (toString .tag) | quote }}
imagePullPolicy: {{ .pullPolicy }}
{{- end }}

{{/* The service account of a component: (list $ "api"). */}}
{{- define "anonlink-wasm.serviceAccount" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.serviceAccounts.create -}}
{{- printf "%s-%s" (include "anonlink-wasm.fullname" $root) (index . 1) -}}
{{- else -}}
default
{{- end -}}
{{- end }}
