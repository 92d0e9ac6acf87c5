"""`python -m shared.outbox`: makes the topics in Kafka, for a Job of a cluster (on one machine: `wadi topics init`)."""

import sys

from events.topics import TOPICS
from shared.config import ConfigError
from shared.outbox.kafka.topics import create


def main() -> int:
    try:
        for topic in create(TOPICS):
            print(f"{topic.name}: {'made' if topic.made else 'there'}{', but ' + topic.note if topic.note else ''}")
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
