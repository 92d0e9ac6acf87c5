"""What `kubectl apply -k` is meant for, by name: tests/cluster/test_admission.py has a real API server admit each."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLATFORM = ROOT / "knative" / "platform"  # settings of Knative itself, which the others need


def _folders(pattern: str) -> list[Path]:
    return sorted(found.parent for found in ROOT.glob(f"{pattern}/kustomization.yaml"))


OVERLAYS: dict[str, Path] = {
    str(folder.relative_to(ROOT)): folder
    for folder in (PLATFORM, *_folders("knative/overlays/*"), *_folders("istio"), *_folders("istio/*"))
}
