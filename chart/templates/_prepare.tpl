{{/*
Every file starts with this: it maps older names to new ones, refuses invalid values, and determines the passwords. It
runs once per rendering, because all files share the same values.
*/}}
{{- define "anonlink-wasm.prepare" -}}
{{- if not (hasKey .Values "_prepared") -}}
{{- include "anonlink-wasm.takeOlderNames" . -}}
{{- include "anonlink-wasm.check" . -}}
{{- include "anonlink-wasm.settleCredentials" . -}}
{{- $_ := set .Values "_prepared" true -}}
{{- end -}}
{{- end }}
