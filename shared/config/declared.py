"""The settings, by concern, in the order of docs/settings.md."""

from shared.config.kinds import Choice, Choices, Directory, Integer, PublicUrl, Seconds, Secret, Setting, Text, Url

MIB = 2**20
GIB = 2**30
PORT_MAX = 65535

GROUPS: dict[str, tuple[Setting, ...]] = {
    "The single box": (
        Directory("WADI_DATA", "directory of everything that the single box stores", "./.data"),
        Integer("WADI_PORT", 8080, "port of the gateway; 0: a free one", unit="port", maximum=PORT_MAX),
        Text("WADI_HOST", "127.0.0.1", "address that the gateway listens on"),
        Seconds("WADI_IDLE_SECONDS", "30", "a function's process stops after so long without work"),
        Text(
            "WADI_MAX_INSTANCES",
            "2",
            "processes of one function at once on this box; with exceptions: 2,transcode-segment=4",
        ),
        Text("WADI_CHAOS", "", "test mode, e.g. seed=7,duplicate=0.3,delay=0.5,reorder=0.3"),
    ),
    "Clients": (
        PublicUrl(
            "PUBLIC_URL",
            "how clients reach the gateway; default: by the name that each of them used",
            form="http(s)://host[:port][/path]",
        ),
        Text(
            "CLIENT_ADDRESS_HEADER",
            "",
            "header that the gateway writes the client's address in, where other proxies follow it (Knative's do)",
        ),
        Integer("MAX_BODY_BYTES", MIB, "largest JSON body that a function reads", unit="bytes", minimum=1),
    ),
    "Accounts": (
        Secret("JWT_SECRET", "secret that keys are derived from; several, with commas, to rotate: the first signs"),
        Integer("BCRYPT_COST", 12, "cost of password hashes", unit="log2 of rounds", minimum=10, maximum=18),
        Choice("DEFAULT_ROLE", "CREATOR", "role of a newly registered account", of=("USER", "CREATOR")),
    ),
    "Uploads": (
        Integer("MAX_UPLOAD_BYTES", 100 * GIB, "largest file that may be uploaded", unit="bytes", minimum=1),
        Integer(
            "MAX_SEGMENT_BYTES",
            256 * MIB,
            "largest media segment that POST /api/segments takes",
            unit="bytes",
            minimum=1,
        ),
        Integer(
            "UPLOAD_EXPIRES_HOURS",
            48,
            "an upload that is not completed by then is removed",
            unit="hours",
            minimum=1,
        ),
        Choice(
            "SOURCE_POLICY",
            "delete",
            "what becomes of an uploaded file once its video is durable",
            of=("delete", "keep"),
        ),
    ),
    "Media": (
        Choice(
            "VIDEO_ENCODER",
            "auto",
            "the encoder of videos; auto: the first of the hardware that works, else libx264",
            of=("auto", "libx264", "h264_nvenc", "h264_vaapi", "h264_qsv", "h264_videotoolbox"),
        ),
        Choices(
            "LADDER",
            "1080p,720p,480p,360p",
            "renditions of a video, as far as its picture is large enough; a smaller one gets one of its own size",
            of=("2160p", "1440p", "1080p", "720p", "480p", "360p"),
        ),
        Directory(
            "WADI_FFMPEG",
            "path of the ffmpeg to use, FFmpeg 8.1 or newer; default: the system's, else the one that a wheel ships",
        ),
        Integer(
            "STALLED_AFTER_SECONDS",
            300,
            "a video that makes no progress for so long is taken up again",
            unit="seconds",
            minimum=1,
        ),
        Integer(
            "MAX_ATTEMPTS",
            3,
            "times that a stalled video is taken up before it is marked as failed",
            unit="times",
            minimum=1,
        ),
    ),
    "Where objects are": (
        Directory("WADI_NODES", "directories that store objects, separated by ':'; default: three of its own"),
        Text("AWS_S3_BUCKET", "", "S3 buckets for objects: bucket or bucket/prefix, with commas; unset, directories"),
        Text("AWS_REGION", "us-east-1", "region of the buckets"),
        Text("AWS_ACCESS_KEY_ID", "", "S3 credentials; unset, those of the AWS files or of the machine's role"),
        Secret("AWS_SECRET_ACCESS_KEY", "secret that belongs to AWS_ACCESS_KEY_ID"),
        Secret("AWS_SESSION_TOKEN", "token that belongs to temporary S3 credentials"),
        Url("S3_ENDPOINT_URL", "S3 server; unset, Amazon's of AWS_REGION", form="http(s)://host[:port]"),
        Url(
            "S3_PUBLIC_URL",
            "how clients reach S3, where it is not S3_ENDPOINT_URL (behind a proxy)",
            form="http(s)://host[:port]",
        ),
        Choice(
            "S3_ADDRESSING",
            "path",
            "how URLs name a bucket: in their path, or virtual (as a host name)",
            of=("path", "virtual"),
        ),
        Choice("S3_SSE", "none", "encryption at rest", of=("none", "AES256", "aws:kms")),
        Text("S3_KMS_KEY_ID", "", "KMS key of S3_SSE=aws:kms; unset, the bucket's default"),
        Integer(
            "S3_TIMEOUT_SECONDS",
            30,
            "an S3 server that says nothing for so long counts as down",
            unit="seconds",
            minimum=1,
        ),
        Integer("SIGNED_URL_SECONDS", 43200, "how long a signed object URL works", unit="seconds", minimum=1),
    ),
    "Replicas and repair": (
        Integer(
            "REPLICATION_FACTOR",
            3,
            "copies of every media segment, each on a node of its own",
            unit="copies",
            minimum=1,
        ),
        Integer(
            "NODE_LOST_AFTER_SECONDS",
            1800,
            "silent for so long, a node has its replicas made anew elsewhere",
            unit="seconds",
        ),
        Integer(
            "REBALANCE_BYTES_PER_SECOND",
            50 * MIB,
            "pace of moving objects between nodes; 0: no limit",
            unit="bytes per second",
        ),
        Integer(
            "SCRUB_BYTES_PER_SECOND",
            20 * MIB,
            "pace of comparing objects with their checksums; 0: no limit",
            unit="bytes per second",
        ),
        Integer(
            "SCRUB_EVERY_DAYS",
            30,
            "every replica is compared with its checksum so often",
            unit="days",
            minimum=1,
        ),
        Integer(
            "GARBAGE_GRACE_HOURS",
            24,
            "what belongs to nobody is removed when it still does not after so long",
            unit="hours",
        ),
        Integer(
            "FREEZE_AFTER_DAYS",
            0,
            "videos not watched for so long become shards on six nodes; 0: never",
            unit="days",
        ),
        Integer(
            "FREEZE_BYTES_PER_SECOND",
            20 * MIB,
            "pace of reading what is frozen; 0: no limit",
            unit="bytes per second",
        ),
        Integer("VIRTUAL_NODES", 150, "points of a node on the hash ring", unit="points", minimum=1),
    ),
    "Database": (
        Url(
            "DATABASE_URL",
            "PostgreSQL; unset, one is started under $WADI_DATA",
            form="postgresql://user:password@host:port/name",
        ),
        Text("DATABASE_USERNAME", "", "overrides the user in DATABASE_URL"),
        Secret("DATABASE_PASSWORD", "overrides the password in DATABASE_URL"),
        Url(
            "DATABASE_DIRECT_URL",
            "PostgreSQL without its transaction pooler, for what listens; default: DATABASE_URL",
            form="postgresql://user:password@host:port/name",
        ),
        Integer(
            "DATABASE_CONNECTIONS",
            20,
            "connections of one process to PostgreSQL at most, those that listen aside",
            unit="connections",
            minimum=1,
        ),
    ),
    "Search": (
        Url(
            "OPENSEARCH_URL",
            "OpenSearch, several with commas; unset, PostgreSQL holds the search index",
            form="http(s)://user:password@host:port",
        ),
        Text(
            "OPENSEARCH_INDEX", "wadi-search", "alias of the index; the indexes behind it have this name and a suffix"
        ),
        Integer("OPENSEARCH_SHARDS", 1, "primary shards of an index made by `wadi reindex`", unit="shards", minimum=1),
        Integer("OPENSEARCH_REPLICAS", 1, "copies of each shard beside the primary", unit="copies"),
        Integer(
            "OPENSEARCH_REFRESH_MS",
            1000,
            "how long a new message may take to be found",
            unit="milliseconds",
            minimum=1,
        ),
    ),
    "Events": (
        Text("KAFKA_BROKERS", "", "Kafka, host:port, several with commas; unset, topics are tables of the database"),
        Url(
            "K_SINK",
            "URL of a Knative Broker that events go to, in place of Kafka; SinkBinding sets it",
            form="http(s)://host[:port]/path",
        ),
        Text("K_CE_OVERRIDES", "", "extensions that events get on their way to K_SINK; SinkBinding sets it"),
        Text("K_CA_CERTS", "", "certificates, in PEM, that an https K_SINK is trusted by; default: the system's"),
        Integer(
            "EVENT_RETENTION_HOURS",
            168,
            "how long the embedded topics keep an event that is delivered",
            unit="hours",
            minimum=1,
        ),
    ),
    "Coordination and cache": (
        Text("ETCD_ENDPOINTS", "", "etcd, host:port, several with commas; unset, PostgreSQL keeps locks and leases"),
        Text("ETCD_PREFIX", "wadi", "what every key in etcd begins with"),
        Url(
            "REDIS_URL",
            "Redis; unset, each process has a cache of its own and PostgreSQL counts requests",
            form="redis://user:password@host:port/0",
        ),
        Integer(
            "CACHE_SECONDS",
            3600,
            "how long manifests and placements are cached at most; 0: not at all",
            unit="seconds",
        ),
    ),
    "A function's process": (
        Text("FUNCTION_TARGET", "", "the capability that this process serves"),
        Directory("FUNCTION_SOURCE", "the file of a capability that is not in functions/"),
        Integer("PORT", 8080, "port that a function listens on", unit="port", minimum=1, maximum=PORT_MAX),
        Text("BIND_HOST", "127.0.0.1", "address that a function listens on; 0.0.0.0 in a container"),
        Integer(
            "CONTAINER_CONCURRENCY",
            8,
            "requests that a function's process handles at once; 0: as with 8",
            unit="requests",
        ),
        Integer(
            "TIMEOUT_SECONDS",
            60,
            "longest work of a function; it has so long to finish after SIGTERM",
            unit="seconds",
            minimum=1,
        ),
        Choice("LOG_LEVEL", "INFO", "how much is logged", of=("DEBUG", "INFO", "WARNING", "ERROR"), any_case=True),
    ),
}

SETTINGS: dict[str, Setting] = {each.name: each for group in GROUPS.values() for each in group}
