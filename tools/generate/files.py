"""Every generated file and its text."""

from pathlib import Path

from tools.generate.capabilities import KNATIVE, ROOT
from tools.generate.consumer_groups import FILE as CONSUMER_GROUPS
from tools.generate.consumer_groups import consumer_groups
from tools.generate.events import asyncapi, folder, schemas
from tools.generate.kafka_topics import FILE as TOPICS
from tools.generate.kafka_topics import kafka_topics
from tools.generate.kustomize import kustomizations, limits
from tools.generate.openapi import openapi
from tools.generate.preloaded import FILE as PRELOADED
from tools.generate.preloaded import preloaded
from tools.generate.routes import routes
from tools.generate.settings import settings
from tools.generate.triggers import FILE as TRIGGERS
from tools.generate.triggers import triggers


def generated() -> dict[Path, str]:
    return {
        ROOT / "istio" / "routes.yaml": routes(),
        ROOT / "docs" / "openapi.json": openapi(),
        ROOT / "docs" / "settings.md": settings(),
        ROOT / "events" / "asyncapi.json": asyncapi(),
        KNATIVE / "components" / "derived" / "limits.yaml": limits(),
        TRIGGERS: triggers(),
        TOPICS: kafka_topics(),
        CONSUMER_GROUPS: consumer_groups(),
        PRELOADED: preloaded(),
        **kustomizations(),
        **{folder(ROOT) / name: text for name, text in schemas()},
    }
