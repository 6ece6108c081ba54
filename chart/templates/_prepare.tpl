{{/*
What every file begins with: older names are put under their new ones, what cannot work is refused, and passwords are
settled. All of it once in a rendering, since all files share the same values.
*/}}
{{- define "anonlink-wasm.prepare" -}}
{{- if not (hasKey .Values "_prepared") -}}
{{- include "anonlink-wasm.takeOlderNames" . -}}
{{- include "anonlink-wasm.check" . -}}
{{- include "anonlink-wasm.settleCredentials" . -}}
{{- $_ := set .Values "_prepared" true -}}
{{- end -}}
{{- end }}
