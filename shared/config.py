"""Every environment variable that Wadi reads, declared once.

A setting that is unset or empty has its default. `setting` gives text, `integer` a whole number, and both say in one
line which variable is wrong and what would be right.
"""

import os
from typing import NamedTuple


class ConfigError(Exception):
    """A setting that cannot be used; the message names the variable and what to do."""


class Setting(NamedTuple):
    default: str
    doc: str


SETTINGS: dict[str, Setting] = {
    "WADI_DATA": Setting("./.data", "directory of everything that the single box stores"),
    "WADI_PORT": Setting("8080", "port of the gateway"),
    "WADI_HOST": Setting("127.0.0.1", "address that the gateway listens on"),
    "PUBLIC_URL": Setting("", "how clients reach the gateway; default: by the name that each of them used"),
    "CLIENT_ADDRESS_HEADER": Setting(
        "", "header that the gateway writes the client's address in, where other proxies follow it (Knative's do)"
    ),
    "WADI_NODES": Setting("", "directories that store objects, separated by ':'; default: three of its own"),
    "AWS_S3_BUCKET": Setting("", "S3 buckets for objects: bucket or bucket/prefix, with commas; unset, directories"),
    "AWS_REGION": Setting("us-east-1", "region of the buckets"),
    "AWS_ACCESS_KEY_ID": Setting("", "S3 credentials; unset, those of the AWS files or of the machine's role"),
    "AWS_SECRET_ACCESS_KEY": Setting("", "secret that belongs to AWS_ACCESS_KEY_ID"),
    "AWS_SESSION_TOKEN": Setting("", "token that belongs to temporary S3 credentials"),
    "S3_ENDPOINT_URL": Setting("", "S3 server; unset, Amazon's of AWS_REGION"),
    "S3_PUBLIC_URL": Setting("", "how clients reach S3, where it is not S3_ENDPOINT_URL (behind a proxy)"),
    "S3_ADDRESSING": Setting("path", "how URLs name a bucket: path, or virtual (as a host name)"),
    "S3_SSE": Setting("none", "encryption at rest: none, AES256 or aws:kms"),
    "S3_KMS_KEY_ID": Setting("", "KMS key of S3_SSE=aws:kms; unset, the bucket's default"),
    "S3_TIMEOUT_SECONDS": Setting("30", "an S3 server that says nothing for so long counts as down"),
    "REPLICATION_FACTOR": Setting("3", "copies of every media segment, each on a node of its own"),
    "NODE_LOST_AFTER_SECONDS": Setting("1800", "silent for so long, a node has its replicas made anew elsewhere"),
    "REBALANCE_BYTES_PER_SECOND": Setting(str(50 * 2**20), "pace of moving objects between nodes; 0: no limit"),
    "SCRUB_BYTES_PER_SECOND": Setting(str(20 * 2**20), "pace of comparing objects with their checksums; 0: no limit"),
    "SCRUB_EVERY_DAYS": Setting("30", "every replica is compared with its checksum so often"),
    "GARBAGE_GRACE_HOURS": Setting("24", "what belongs to nobody is removed when it still does not after so long"),
    "FREEZE_AFTER_DAYS": Setting("0", "videos not watched for so long become shards on six nodes; 0: never"),
    "FREEZE_BYTES_PER_SECOND": Setting(str(20 * 2**20), "pace of reading what is frozen; 0: no limit"),
    "VIRTUAL_NODES": Setting("150", "points of a node on the hash ring"),
    "SOURCE_POLICY": Setting("delete", "what becomes of an uploaded file once its video is durable: delete or keep"),
    "MAX_UPLOAD_BYTES": Setting(str(100 * 2**30), "largest file that may be uploaded"),
    "MAX_SEGMENT_BYTES": Setting(str(256 * 2**20), "largest media segment that POST /api/segments takes"),
    "UPLOAD_EXPIRES_HOURS": Setting("48", "an upload that is not completed by then is removed"),
    "SIGNED_URL_SECONDS": Setting("43200", "how long a signed object URL works"),
    "DATABASE_URL": Setting("", "PostgreSQL; unset, one is started under $WADI_DATA"),
    "DATABASE_USERNAME": Setting("", "overrides the user in DATABASE_URL"),
    "DATABASE_PASSWORD": Setting("", "overrides the password in DATABASE_URL"),
    "DATABASE_DIRECT_URL": Setting(
        "", "PostgreSQL without its transaction pooler, for what listens; default: DATABASE_URL"
    ),
    "DATABASE_CONNECTIONS": Setting("20", "connections of one process to PostgreSQL at most, those that listen aside"),
    "OPENSEARCH_URL": Setting("", "OpenSearch, several with commas; unset, PostgreSQL holds the search index"),
    "OPENSEARCH_INDEX": Setting("wadi-search", "alias of the index; the indexes behind it have this name and a suffix"),
    "OPENSEARCH_SHARDS": Setting("1", "primary shards of an index made by `wadi reindex`"),
    "OPENSEARCH_REPLICAS": Setting("1", "copies of each shard beside the primary"),
    "OPENSEARCH_REFRESH_MS": Setting("1000", "how long a new message may take to be found"),
    "KAFKA_BROKERS": Setting("", "Kafka, host:port, several with commas; unset, topics are tables of the database"),
    "K_SINK": Setting("", "URL of a Knative Broker that events go to, in place of Kafka; SinkBinding sets it"),
    "K_CE_OVERRIDES": Setting("", "extensions that events get on their way to K_SINK; SinkBinding sets it"),
    "K_CA_CERTS": Setting("", "certificates, in PEM, that an https K_SINK is trusted by; default: the system's"),
    "ETCD_ENDPOINTS": Setting("", "etcd, host:port, several with commas; unset, PostgreSQL keeps locks and leases"),
    "ETCD_PREFIX": Setting("wadi", "what every key in etcd begins with"),
    "REDIS_URL": Setting("", "Redis; unset, each process has a cache of its own and PostgreSQL counts requests"),
    "CACHE_SECONDS": Setting("3600", "how long manifests and placements are cached at most; 0: not at all"),
    "JWT_SECRET": Setting("", "secret that keys are derived from; several, with commas, to rotate: the first signs"),
    "BCRYPT_COST": Setting("12", "cost of password hashes, at least 10"),
    "DEFAULT_ROLE": Setting("CREATOR", "role of a newly registered account: USER or CREATOR"),
    "VIDEO_ENCODER": Setting("auto", "auto, libx264, h264_nvenc, h264_vaapi, h264_qsv or h264_videotoolbox"),
    "WADI_FFMPEG": Setting("", "path of the ffmpeg to use; default: the system's, else the one that a wheel ships"),
    "WADI_IDLE_SECONDS": Setting("30", "a function's process stops after so long without work"),
    "WADI_MAX_INSTANCES": Setting(
        "2", "processes of one function at once on this box; with exceptions: 2,transcode-segment=4"
    ),
    "WADI_CHAOS": Setting("", "test mode, e.g. seed=7,duplicate=0.3,delay=0.5,reorder=0.3"),
    "STALLED_AFTER_SECONDS": Setting("300", "a video that makes no progress for so long is taken up again"),
    "MAX_ATTEMPTS": Setting("3", "times that a stalled video is taken up before it is marked as failed"),
    "EVENT_RETENTION_HOURS": Setting("168", "how long the embedded topics keep an event that is delivered"),
    "LOG_LEVEL": Setting("INFO", "DEBUG, INFO, WARNING or ERROR"),
    "FUNCTION_TARGET": Setting("", "the capability that this process serves"),
    "FUNCTION_SOURCE": Setting("", "the file of a capability that is not in functions/"),
    "PORT": Setting("8080", "port that a function listens on"),
    "BIND_HOST": Setting("127.0.0.1", "address that a function listens on; 0.0.0.0 in a container"),
    "CONTAINER_CONCURRENCY": Setting("8", "requests that a function's process handles at once"),
    "TIMEOUT_SECONDS": Setting("60", "longest work of a function; it has so long to finish after SIGTERM"),
    "MAX_BODY_BYTES": Setting(str(1024 * 1024), "largest JSON body that a function reads"),
}


def setting(name: str) -> str:
    """The value of a declared setting, as text."""
    return os.environ.get(name) or SETTINGS[name].default


def integer(name: str, *, minimum: int = 0) -> int:
    """The value of a declared setting, as a whole number of at least `minimum`. Raises ConfigError."""
    text = setting(name)
    try:
        value = int(text)
    except ValueError:
        raise ConfigError(f"{name}={text!r} is not a whole number.") from None
    if value < minimum:
        raise ConfigError(f"{name}={value} is too small: it must be at least {minimum}.")
    return value
