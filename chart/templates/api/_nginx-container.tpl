{{/* nginx in front of the API, in the same pod. */}}
{{- define "anonlink-wasm.nginxContainer" -}}
{{- $nginx := .Values.api.nginx -}}
{{- $proxies := list -}}
{{- range $nginx.trustedProxies -}}{{- $proxies = append $proxies (printf "set_real_ip_from %s;" .) -}}{{- end -}}
{{- $variables := dict
  "API_ADDRESS" "127.0.0.1:8850"
  "LISTEN_PORT" "8851"
  "TEMP_FOLDER" "/buffer"
  "TRUSTED_PROXIES" (join " " $proxies)
  "MAX_BODY_SIZE" $nginx.MAX_BODY_SIZE
  "MAX_UPLOADS" (int $nginx.MAX_UPLOADS)
  "MAX_UPLOADS_PER_ADDRESS" (int $nginx.MAX_UPLOADS_PER_ADDRESS)
  "REQUESTS_PER_SECOND" (int $nginx.REQUESTS_PER_SECOND)
  "BURST" (int $nginx.BURST) -}}
- name: nginx
  {{- include "anonlink-wasm.foreignImage" $nginx.image | nindent 2 }}
  {{- include "anonlink-wasm.containerSecurity" . | nindent 2 }}
  args: [nginx, -c, /tmp/nginx.conf, -g, daemon off;]
  env:
{{- range $name, $value := $variables }}
    - name: {{ $name }}
      value: {{ toString $value | quote }}
{{- end }}
    - name: NGINX_ENVSUBST_OUTPUT_DIR
      value: /tmp
    - name: NGINX_ENVSUBST_FILTER
      value: ^({{ keys $variables | sortAlpha | join "|" }})$
  ports:
    - name: http
      containerPort: 8851
  startupProbe:
    tcpSocket: { port: http }
    periodSeconds: 2
    failureThreshold: 30
  livenessProbe:
    tcpSocket: { port: http }
    periodSeconds: 10
    timeoutSeconds: 5
  readinessProbe:
    tcpSocket: { port: http }
    periodSeconds: 5
    timeoutSeconds: 5
  lifecycle:
    preStop:
      # Wait until no more requests are routed here, then finish those in progress.
      exec:
        command:
          - /bin/sh
          - -c
          - sleep 5; nginx -c /tmp/nginx.conf -s quit; while [ -e /buffer/nginx.pid ]; do sleep 1; done
  resources: {{- toYaml $nginx.resources | nindent 4 }}
  volumeMounts:
    - name: nginx-template
      mountPath: /etc/nginx/templates
      readOnly: true
    - name: nginx-tmp
      mountPath: /tmp
    - name: buffer
      mountPath: /buffer
{{- end }}

{{- define "anonlink-wasm.nginxVolumes" -}}
- name: nginx-template
  configMap:
    name: {{ include "anonlink-wasm.fullname" . }}-nginx
- name: nginx-tmp
  emptyDir: { sizeLimit: 16Mi }
{{- with .Values.api.nginx.buffer }}
- name: buffer
{{- if .storageClass }}
  ephemeral:
    volumeClaimTemplate:
      metadata:
        labels: {{- include "anonlink-wasm.selector" (list $ "api") | nindent 10 }}
      spec:
        accessModes: [ReadWriteOnce]
        storageClassName: {{ .storageClass }}
        resources:
          requests:
            storage: {{ .size }}
{{- else }}
  emptyDir: { sizeLimit: {{ .size }} }
{{- end }}
{{- end }}
{{- end }}
