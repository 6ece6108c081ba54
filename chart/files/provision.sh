#!/bin/sh
# Creates what the service needs in its object store (MinIO), with MinIO's client: the bucket of the service, the bucket
# for uploads, a user who may only put objects in the latter, and a user who may only get similarity scores from the
# former. Idempotent, also when run concurrently: it changes only what differs, such as a new secret key.
#
# Uses only the client (mc), the shell and coreutils: the client's image has nothing else.
#
#   MINIO_SERVER [minio:9000], MINIO_SECURE [false], MINIO_ACCESS_KEY, MINIO_SECRET_KEY   the store, and its administrator
#   MINIO_BUCKET [entityservice]                                                          the bucket of the service
#   UPLOAD_OBJECT_STORE_ENABLED [true], UPLOAD_OBJECT_STORE_BUCKET [anonlink-uploads]
#   UPLOAD_OBJECT_STORE_ACCESS_KEY, UPLOAD_OBJECT_STORE_SECRET_KEY                        the first user; none without keys
#   DOWNLOAD_OBJECT_STORE_ACCESS_KEY, DOWNLOAD_OBJECT_STORE_SECRET_KEY                    the second; none without keys
#   PROVISION_TIMEOUT_SECONDS [300]        how long to wait for the store
#   POLICIES_FOLDER [policies, next to this file]
set -eu
umask 077

fail() {
  echo "provision: $1" >&2
  exit 1
}

is_true() {
  case $1 in
    [Tt][Rr][Uu][Ee] | 1 | [Yy][Ee][Ss] | [Oo][Nn]) return 0 ;;
    [Ff][Aa][Ll][Ss][Ee] | 0 | [Nn][Oo] | [Oo][Ff][Ff]) return 1 ;;
    *) fail "$2: expected true or false" ;;
  esac
}

# A bucket's name is inserted into policies, where other characters could have a special meaning.
check_bucket() {
  case $1 in
    '' | *[!a-z0-9.-]*) fail "$2: expected lower-case letters, digits, dots and hyphens" ;;
  esac
}

# The client reads one key per line.
check_keys() {
  case $2$3 in
    *'
'*) fail "$1_ACCESS_KEY, $1_SECRET_KEY: expected no line breaks" ;;
  esac
  if [ -z "$2" ] || [ -z "$3" ]; then
    fail "$1_ACCESS_KEY, $1_SECRET_KEY: expected both, or neither"
  fi
}

server=${MINIO_SERVER:-minio:9000}
case $server in
  *]) server=$server:9000 ;; # an IPv6 address
  *:*) ;;
  *) server=$server:9000 ;;
esac
scheme=http
if is_true "${MINIO_SECURE:-false}" MINIO_SECURE; then scheme=https; fi
own_key=${MINIO_ACCESS_KEY:-}
own_secret=${MINIO_SECRET_KEY:-}
own_bucket=${MINIO_BUCKET:-entityservice}
upload_key=${UPLOAD_OBJECT_STORE_ACCESS_KEY:-}
upload_secret=${UPLOAD_OBJECT_STORE_SECRET_KEY:-}
upload_bucket=${UPLOAD_OBJECT_STORE_BUCKET:-anonlink-uploads}
download_key=${DOWNLOAD_OBJECT_STORE_ACCESS_KEY:-}
download_secret=${DOWNLOAD_OBJECT_STORE_SECRET_KEY:-}
timeout=${PROVISION_TIMEOUT_SECONDS:-300}
policies=${POLICIES_FOLDER:-$(dirname "$0")/policies}

uploads=false
if is_true "${UPLOAD_OBJECT_STORE_ENABLED:-true}" UPLOAD_OBJECT_STORE_ENABLED; then uploads=true; fi
check_bucket "$own_bucket" MINIO_BUCKET
check_bucket "$upload_bucket" UPLOAD_OBJECT_STORE_BUCKET
check_keys MINIO "$own_key" "$own_secret"
if [ -n "$upload_key$upload_secret" ]; then
  check_keys UPLOAD_OBJECT_STORE "$upload_key" "$upload_secret"
fi
if [ -n "$download_key$download_secret" ]; then
  check_keys DOWNLOAD_OBJECT_STORE "$download_key" "$download_secret"
fi
# A shared key would give one user both policies, or the administrator's rights.
for key in "$upload_key" "$download_key"; do
  if [ "$key" = "$own_key" ]; then fail "users: expected access keys other than MINIO_ACCESS_KEY"; fi
done
if [ -n "$upload_key" ] && [ "$upload_key" = "$download_key" ]; then
  fail "users: expected two access keys, got the same one"
fi
case $timeout in
  '' | *[!0-9]*) fail "PROVISION_TIMEOUT_SECONDS: expected a whole number of seconds" ;;
esac

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
# Without HOME, the client would run a program to find it that its image does not have.
export HOME="$folder" MC_CONFIG_DIR="$folder"
# The client would read some of these itself. It gets keys on standard input instead, which process lists do not show.
unset MINIO_ACCESS_KEY MINIO_SECRET_KEY UPLOAD_OBJECT_STORE_ACCESS_KEY UPLOAD_OBJECT_STORE_SECRET_KEY \
  DOWNLOAD_OBJECT_STORE_ACCESS_KEY DOWNLOAD_OBJECT_STORE_SECRET_KEY

# Passes two keys to a command on standard input, one per line.
with_keys() {
  first=$1
  second=$2
  shift 2
  printf '%s\n%s\n' "$first" "$second" | "$@"
}

# Hides the client's output, which contains access keys; only the last error is shown.
quietly() {
  "$@" >"$folder/output" 2>&1
}

# Tries a step five times, because a store that has just started may still refuse.
step() {
  name=$1
  shift
  tries=0
  until quietly "$@"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 5 ]; then
      cat "$folder/output" >&2
      fail "$name: failed"
    fi
    sleep 2
  done
  echo "provision: $name"
}

wait_for_store() {
  started=$(date +%s)
  until quietly with_keys "$own_key" "$own_secret" timeout 30 mc alias set store "$scheme://$server"; do
    if [ $(($(date +%s) - started)) -ge "$timeout" ]; then
      cat "$folder/output" >&2
      fail "no object store at $server takes our keys after $timeout seconds"
    fi
    sleep 2
  done
  echo "provision: the object store is there"
}

# If two processes create the bucket at once, one of them fails: then it only has to exist.
make_bucket() {
  mc mb --ignore-existing "store/$1" || mc stat "store/$1"
}

# make_policy NAME FILE BUCKET
make_policy() {
  text=$(cat "$policies/$2.json")
  while :; do
    case $text in
      *BUCKET*) text=${text%%BUCKET*}$3${text#*BUCKET} ;;
      *) break ;;
    esac
  done
  printf '%s\n' "$text" >"$folder/$2.json"
  step "policy $1" mc admin policy create store "$1" "$folder/$2.json"
}

# make_user NAME POLICY ACCESS-KEY SECRET-KEY
make_user() {
  step "user for $1" with_keys "$3" "$4" mc admin user add store
  step "user for $1 has the policy" mc admin policy attach store "$2" --user "$3"
}

wait_for_store
step "bucket $own_bucket" make_bucket "$own_bucket"
if [ "$uploads" = true ]; then
  step "bucket $upload_bucket" make_bucket "$upload_bucket"
  if [ -n "$upload_key" ]; then
    make_policy "$upload_bucket-upload-only" upload-only "$upload_bucket"
    make_user uploads "$upload_bucket-upload-only" "$upload_key" "$upload_secret"
  fi
fi
if [ -n "$download_key" ]; then
  make_policy "$own_bucket-download-only" download-only "$own_bucket"
  make_user downloads "$own_bucket-download-only" "$download_key" "$download_secret"
fi
echo "provision: done"
