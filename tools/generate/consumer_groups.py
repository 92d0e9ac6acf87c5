"""shared/outbox/consumer_groups.py: the consumer groups of the KafkaSources, since shared/ does not read knative/."""

import yaml

from tools.generate.capabilities import ROOT, domains, manifest_files

FILE = ROOT / "shared" / "outbox" / "consumer_groups.py"
HEADER = '''\
"""Our consumer groups. Generated from the KafkaSources in knative/ by `./task generate`: do not edit."""

'''


def consumer_groups() -> str:
    files = [file for folder in domains() for file in manifest_files(folder)]
    documents = [document for file in files for document in yaml.safe_load_all(file.read_text()) if document]
    groups = sorted({one["spec"]["consumerGroup"] for one in documents if one["kind"] == "KafkaSource"})
    lines = "".join(f'        "{group}",\n' for group in groups)
    return f"{HEADER}CONSUMER_GROUPS = frozenset(\n    {{\n{lines}    }}\n)\n"
