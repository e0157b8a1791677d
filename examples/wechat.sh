#!/usr/bin/env bash
# From a WeChat export to a model that answers like you: start the service (make serve), then run this.
#   examples/wechat.sh [EXPORT [QUESTION]]      URL=http://127.0.0.1:9527 TUNE9527_KEY=t9_... (where one is asked for)
set -euo pipefail
url="${URL:-http://127.0.0.1:9527}"
export="${1:-$(dirname "$0")/data/wxid_mia2026_0_19.csv}"
question="${2:-渡船几点开？}"

# Print one value of the JSON that comes in, by its path: `field response.id`.
field() { python3 -c 'import functools, json, sys
print(functools.reduce(lambda value, key: value[key], sys.argv[1].split("."), json.load(sys.stdin)))' "$1"; }

# Ask the service, with the key if there is one; what it answers when it refuses says why, so that is shown.
ask() {
    local reply
    reply=$(curl -sS --fail-with-body ${TUNE9527_KEY:+-H "Authorization: Bearer $TUNE9527_KEY"} "$@") || {
        printf "%s\n" "$reply" >&2
        return 1
    }
    printf "%s\n" "$reply"
}

echo "1. The export becomes training data, and goes upstream."
made=$(ask "$url/datasets/convert" -F "files=@$export" -F upload=true)
field response.text <<<"$made"
file_id=$(field response.training.file.id <<<"$made")

echo "2. Training on $file_id begins."
job_id=$(ask "$url/fine_tuning" -H 'Content-Type: application/json' \
    -d "{\"training_file\": \"$file_id\"}" | field response.id)
status=queued
while [[ $status != succeeded ]]; do
    case $status in failed | cancelled) echo "$job_id $status" >&2; exit 1 ;; esac
    sleep 2
    job=$(ask "$url/retrieve" -H 'Content-Type: application/json' -d "{\"fine_tuning_job_id\": \"$job_id\"}")
    status=$(field response.status <<<"$job")
done
model=$(field response.fine_tuned_model <<<"$job")

echo "3. $model answers: $question"
ask "$url/chat" -H 'Content-Type: application/json' \
    -d "{\"model\": \"$model\", \"text\": \"$question\", \"temperature\": 0}" | field response.content
