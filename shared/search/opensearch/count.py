"""Counts the documents of a video in OpenSearch, in the searched index and in one that is being rebuilt."""

from shared.search.opensearch import mapping
from shared.search.opensearch.client import client, raising_unavailable


def documents_of(video_id: str) -> int:
    """Raises Unavailable."""
    with raising_unavailable():
        indexes = {
            name for alias in (mapping.alias(), mapping.next_alias()) for name in mapping.behind(client(), alias)
        }
        found = 0
        for index in sorted(indexes):
            client().indices.refresh(index=index)
            counted = client().count(index=index, body={"query": {"term": {"video_id": video_id}}})
            found += int(counted["count"])
        return found
