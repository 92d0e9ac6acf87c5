"""The container images that Knative runs: `wadi/api` (no ffmpeg) and `wadi/media` (with it).

tools/images/Dockerfile says what is in them, for docker and buildah alike. `build` makes archives of them where there
is no registry to fetch a base from and none to push to: buildah, on a Debian that debootstrap makes.

What a manifest may count on in both images:

  /venv/bin/python   the entry point is `/venv/bin/python -P -m`, the command `shared.runtime.serve`: a Job that
  migrates the
                     database needs no more than `args: [cli, db, migrate]`
  /app               the code: shared, events, functions, cli (PYTHONPATH)
  65532:65532        who it runs as; the root file system may be read-only
  /tmp, /data        what has to be writable (WADI_DATA=/data): an emptyDir each where the root is read-only
  BIND_HOST=0.0.0.0  and PORT is Knative's
"""

from tools.images.builder import Image, ImageError, build

__all__ = ["Image", "ImageError", "build"]
