#!/bin/sh
# Brings back what backup.sh copied, into an EMPTY database and EMPTY buckets:   sh restore.sh offsite:wadi [DUMP]
#
# DATABASE_URL, AWS_S3_BUCKET (with S3_ENDPOINT_URL, AWS_*) or OBJECTS name the new places. FROM names the places that
# the copy was made of, in the same order, where the new ones have other names. Without DUMP the latest is taken.
# Then: wadi storage register, start the platform, wadi reindex, wadi scrub --start --wait. See docs/deploy/backup.md
set -eu
target=${1:?usage: restore.sh TARGET [DUMP], a place of rclone that backup.sh wrote to}
export RCLONE_CONFIG_WADI_TYPE=s3 RCLONE_CONFIG_WADI_PROVIDER=Other RCLONE_CONFIG_WADI_ENV_AUTH=true
export RCLONE_CONFIG_WADI_ENDPOINT="${S3_ENDPOINT_URL:-}" RCLONE_CONFIG_WADI_REGION="${AWS_REGION:-us-east-1}"

name=${2:-$(rclone lsf "$target/database" | sort | tail -n 1)}
dump=$(mktemp)
trap 'rm -f "$dump"' EXIT
rclone copyto "$target/database/${name:?there is no dump in $target/database}" "$dump"

if [ -n "${AWS_S3_BUCKET:-}" ]; then
    from=$(echo "${FROM:-$AWS_S3_BUCKET}" | tr ',' ' ')
    for place in $(echo "$AWS_S3_BUCKET" | tr ',' ' '); do
        origin=${from%% *} from=${from#* }
        rclone copy --size-only --metadata --transfers 16 "$target/objects/${origin#s3://}" "wadi:${place#s3://}"
    done
else
    rclone copy --size-only --transfers 16 "$target/objects" "${OBJECTS:?the directory that is to hold the nodes}"
fi
# All or nothing: a database that is not empty is refused.
pg_restore --exit-on-error --single-transaction --no-owner --no-privileges --dbname="$DATABASE_URL" "$dump"
echo "$name"
