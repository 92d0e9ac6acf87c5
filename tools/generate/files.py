"""Every generated file and its text."""

from functools import cache
from pathlib import Path

from tools.generate.access import access
from tools.generate.api_page import api_page
from tools.generate.consumer_groups import FILE as CONSUMER_GROUPS
from tools.generate.consumer_groups import consumer_groups
from tools.generate.errors import ROOT
from tools.generate.events import asyncapi, folder, schemas
from tools.generate.events_page import events_page
from tools.generate.kafka_topics import FILE as TOPICS
from tools.generate.kafka_topics import kafka_topics
from tools.generate.kustomize import kustomizations, limits
from tools.generate.manifests import KNATIVE, check_manifests
from tools.generate.openapi import openapi
from tools.generate.payloads import check_events
from tools.generate.preloaded import FILE as PRELOADED
from tools.generate.preloaded import preloaded
from tools.generate.routes import routes
from tools.generate.settings import settings
from tools.generate.triggers import FILE as TRIGGERS
from tools.generate.triggers import triggers


@cache  # a second, and tests ask for every file
def generated() -> dict[Path, str]:
    """Raises GenerateError with what is wrong in the files that they are made from."""
    check_manifests()
    check_events()
    return {
        ROOT / "istio" / "routes.yaml": routes(),
        ROOT / "docs" / "openapi.json": openapi(),
        ROOT / "docs" / "access.md": access(),
        ROOT / "docs" / "api.md": api_page(),
        ROOT / "docs" / "events.md": events_page(),
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
