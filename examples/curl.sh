#!/usr/bin/env bash
# The five documented calls, each with what the one before answered: start the service (make serve), then run this.
#   examples/curl.sh [TRAINING_FILE [QUESTION]]      URL=http://127.0.0.1:9527 TUNE9527_KEY=t9_... (where one is asked for)
set -euo pipefail
url="${URL:-http://127.0.0.1:9527}"
file="${1:-$(dirname "$0")/lighthouse.jsonl}"
question="${2:-What do bees make?}"
json='Content-Type: application/json'

# Call the service, with the key if there is one.
call() { curl -sS ${TUNE9527_KEY:+-H "Authorization: Bearer $TUNE9527_KEY"} "$@"; }

# Print one value of the JSON in $reply, by its path: `field response.0.filename`.
field() { python3 -c 'import functools, json, sys
step = lambda value, key: value[int(key) if key.isdigit() else key]
print(functools.reduce(step, sys.argv[1].split("."), json.load(sys.stdin)))' "$1" <<<"$reply"; }

# Print a text in quotation marks, as JSON has it.
quoted() { python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "$1"; }

# Show the reply; end here if it is no success.
show() { echo "$reply"; [[ $(field info 2>/dev/null) == ok ]] || exit 1; }

echo "1. Is the service there?"
reply=$(call "$url/status"); show

echo "2. Upload $file."
reply=$(call "$url/upload_files" -F "files=@\"$file\""); show
file_id=$(field response.0.response.id)

echo "3. Train on $file_id."
reply=$(call "$url/fine_tuning" -H "$json" -d "{\"training_file\": \"$file_id\"}"); show
job_id=$(field response.id)

echo "4. Wait for $job_id."
status=queued
until [[ $status == succeeded ]]; do
    case $status in
        failed | cancelled) call "$url/jobs/$job_id" >&2; exit 1 ;;
        paused) echo "Somebody paused $job_id; it goes on once it is resumed where it trains." >&2; exit 1 ;;
    esac
    sleep 2
    reply=$(call "$url/retrieve" -H "$json" -d "{\"fine_tuning_job_id\": \"$job_id\"}")
    status=$(field response.status) || show
done
show
model=$(field response.fine_tuned_model)

echo "5. Ask $model: $question"
text=$(quoted "$question")
reply=$(call "$url/chat" -H "$json" -d "{\"model\": \"$model\", \"text\": $text, \"temperature\": 0}"); show
