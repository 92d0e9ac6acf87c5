"""A video whose page is open before its upload is complete."""

import hashlib
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx


class Upload:
    """Begun: the video has an id, and its page can be opened. `finish` sends the bytes, and the work starts."""

    def __init__(self, url: str, token: str, file: Path, **details: str) -> None:
        self.file = file
        self.client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        self.made = self._post("/api/uploads", {"name": file.name, "size": file.stat().st_size, **details})

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    @property
    def video_id(self) -> str:
        return str(self.made["video_id"])

    def finish(self) -> None:
        content = self.file.read_bytes()
        for part in self.made["parts"]:
            data = content[part["offset"] : part["offset"] + part["size"]]
            checksum = b64encode(hashlib.sha256(data).digest()).decode()
            answer = httpx.put(
                self.client.base_url.join(part["url"]), content=data, headers={"x-amz-checksum-sha256": checksum}
            )
            answer.raise_for_status()
        self._post(f"/api/uploads/{self.made['id']}/complete", {})

    def wait_playable(self, seconds: float) -> None:
        """Reads the stream of its status until something can be played."""
        url = f"/api/videos/{self.video_id}/status/stream"
        with self.client.stream("GET", url, timeout=seconds) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: ") and json.loads(line[6:])["state"] not in ("uploaded", "planned"):
                    return
        raise AssertionError("the stream ended before the video was playable")

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.client.post(path, json=body)
        answer.raise_for_status()
        return answer.json()
