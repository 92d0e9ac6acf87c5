#!/bin/sh
# Copies all that Wadi keeps to a place of rclone's:   sh backup.sh offsite:wadi
#
# From: DATABASE_URL and the buckets of AWS_S3_BUCKET (with S3_ENDPOINT_URL, AWS_*), or, without buckets, the directories
# under OBJECTS. Needs pg_dump (not older than the server) and rclone.
# Why in this order, and what it does not cover: docs/deploy/backup.md
set -eu
target=${1:?usage: backup.sh TARGET, a place of rclone, such as offsite:wadi or /backup/wadi}
export RCLONE_CONFIG_WADI_TYPE=s3 RCLONE_CONFIG_WADI_PROVIDER=Other RCLONE_CONFIG_WADI_ENV_AUTH=true
export RCLONE_CONFIG_WADI_ENDPOINT="${S3_ENDPOINT_URL:-}" RCLONE_CONFIG_WADI_REGION="${AWS_REGION:-us-east-1}"

# Never removes anything from the copy. What has a name never changes, so a file of the same name and size is the same.
copy_objects() {
    if [ -n "${AWS_S3_BUCKET:-}" ]; then
        for place in $(echo "$AWS_S3_BUCKET" | tr ',' ' '); do
            rclone copy --size-only --metadata --transfers 16 "wadi:${place#s3://}" "$target/objects/${place#s3://}"
        done
    else
        rclone copy --size-only --transfers 16 "${OBJECTS:?the directory that holds the nodes}" "$target/objects"
    fi
}

dump=$(mktemp)
trap 'rm -f "$dump"' EXIT
copy_objects
pg_dump --format=custom --no-owner --no-privileges --dbname="$DATABASE_URL" --file="$dump"
copy_objects
name=$(date -u +%Y-%m-%dT%H-%M-%SZ).dump
rclone copyto "$dump" "$target/database/$name" # last of all: a dump that is there has all that it names
echo "$name"
