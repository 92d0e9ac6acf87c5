"""Our consumer groups. Generated from the KafkaSources in knative/ by `./task generate`: do not edit."""

CONSUMER_GROUPS = frozenset(
    {
        "extract-subtitles",
        "index-message",
        "index-video",
        "make-thumbnails",
        "place-segment",
        "plan-video",
        "publish-video",
        "rebalance",
        "reindex-video",
        "release-source",
        "remove-video-files",
        "scrub",
        "thaw",
        "transcode-audio",
        "transcode-priority",
        "transcode-segment",
    }
)
