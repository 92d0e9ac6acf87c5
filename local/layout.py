"""Where the code is, and what serves a function. Nothing else: the zygote imports this and wants to stay small."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVE = "shared.runtime.serve"
