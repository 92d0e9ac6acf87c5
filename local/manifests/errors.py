"""What is wrong with a manifest: one line for each."""


class ManifestError(Exception):
    """Manifests that cannot be run here; `problems` has one line for each reason, with the file and the path in it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
