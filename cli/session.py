"""What every command is given: where to print, which platform, who we are. Made only when used."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import Output
from cli.paths import credentials_file, server_url, uploads_dir

if TYPE_CHECKING:
    from cli.api import Api
    from cli.credentials import Credentials


@dataclass
class Session:
    out: Output
    given_server: str | None = None
    credentials_file: Path = field(default_factory=credentials_file)
    uploads_dir: Path = field(default_factory=uploads_dir)

    @cached_property
    def server(self) -> str:
        return server_url(self.given_server)

    @cached_property
    def credentials(self) -> "Credentials":
        from cli.credentials import Credentials

        return Credentials(self.credentials_file)

    @cached_property
    def api(self) -> "Api":
        from cli.api import Api

        return Api(self.server, self.credentials)
