{{/* An integer as a string: 300000000, from 3e+08 or "300_000_000". */}}
{{- define "anonlink-wasm.wholeNumber" -}}
{{- if kindIs "string" . -}}{{- . | replace "_" "" -}}{{- else -}}{{- int64 . -}}{{- end -}}
{{- end }}

{{/* The bytes of a size such as 10g (nginx) or 10Gi, 500M (Kubernetes). */}}
{{- define "anonlink-wasm.bytes" -}}
{{- $text := toString . -}}
{{- $count := regexFind "^[0-9]+" $text | int64 -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- $powers := dict "k" 1 "K" 1 "Ki" 1 "m" 2 "M" 2 "Mi" 2 "g" 3 "G" 3 "Gi" 3 "T" 4 "Ti" 4 -}}
{{- range until (get $powers $unit | default 0 | int) -}}
{{- $count = mul $count (ternary 1000 1024 (has $unit (list "M" "G" "T"))) -}}
{{- end -}}
{{- $count -}}
{{- end }}
