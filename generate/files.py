"""Every generated file and its text."""

from pathlib import Path

from generate.capabilities import KNATIVE, ROOT
from generate.events import asyncapi, folder, schemas
from generate.kafka_topics import FILE as TOPICS
from generate.kafka_topics import kafka_topics
from generate.kustomize import kustomizations, limits
from generate.openapi import openapi
from generate.routes import routes
from generate.settings import settings
from generate.triggers import FILE as TRIGGERS
from generate.triggers import triggers


def generated() -> dict[Path, str]:
    return {
        ROOT / "istio" / "routes.yaml": routes(),
        ROOT / "docs" / "openapi.json": openapi(),
        ROOT / "docs" / "settings.md": settings(),
        ROOT / "events" / "asyncapi.json": asyncapi(),
        KNATIVE / "components" / "derived" / "limits.yaml": limits(),
        TRIGGERS: triggers(),
        TOPICS: kafka_topics(),
        **kustomizations(),
        **{folder(ROOT) / name: text for name, text in schemas()},
    }
