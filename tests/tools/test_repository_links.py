"""Links of pages to files of the repository: what the site makes of them."""

import logging

import pytest

from tools.docs.repository_links import DOCS, rewrite

REPOSITORY = "https://forge.example/wadi"


def rewritten(markdown: str, repo_url: str = REPOSITORY) -> str:
    return rewrite(markdown, DOCS / "deploy", repo_url, "deploy/page.md")


def test_a_file_outside_docs_is_shown_by_the_repository() -> None:
    assert (
        rewritten("[the routes](../../istio/routes.yaml)") == f"[the routes]({REPOSITORY}/blob/main/istio/routes.yaml)"
    )
    assert rewritten("[a](../../README.md#licence)") == f"[a]({REPOSITORY}/blob/main/README.md#licence)"


def test_so_is_a_folder_also_one_of_docs() -> None:
    assert rewritten("[functions](../../functions)") == f"[functions]({REPOSITORY}/tree/main/functions)"
    assert rewritten("[examples](examples)") == f"[examples]({REPOSITORY}/tree/main/docs/deploy/examples)"


@pytest.mark.parametrize(
    "markdown",
    [
        "[the cloud](cloud.md)",
        "[settings](../settings.md#settings)",
        "[an example](examples/kafka.yaml)",
        "[below](#here)",
        "[elsewhere](https://example.org/../x)",
        "![a picture](../images/player.png)",
    ],
)
def test_what_is_in_the_site_or_elsewhere_stays(markdown: str) -> None:
    assert rewritten(markdown) == markdown


def test_without_a_repository_the_words_stay() -> None:
    assert rewritten("See [the routes](../../istio/routes.yaml).", repo_url="") == "See the routes."


@pytest.mark.parametrize("target", ["../../no/such.file", "../../../outside"])
def test_a_file_that_is_not_there_is_a_warning(caplog: pytest.LogCaptureFixture, target: str) -> None:
    with caplog.at_level(logging.WARNING):
        assert rewritten(f"[x]({target})") == f"[x]({target})"
    assert target in caplog.text
