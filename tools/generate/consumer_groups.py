"""shared/outbox/consumer_groups.py: the consumer groups of the KafkaSources, since shared/ does not read knative/."""

from tools.generate.errors import ROOT
from tools.generate.manifests import manifests, of_kind

FILE = ROOT / "shared" / "outbox" / "consumer_groups.py"
HEADER = '''\
"""Our consumer groups. Generated from the KafkaSources in knative/ by `./task generate`: do not edit."""

'''


def consumer_groups() -> str:
    groups = sorted({one["spec"]["consumerGroup"] for file in manifests() for one in of_kind(file, "KafkaSource")})
    lines = "".join(f'        "{group}",\n' for group in groups)
    return f"{HEADER}CONSUMER_GROUPS = frozenset(\n    {{\n{lines}    }}\n)\n"
