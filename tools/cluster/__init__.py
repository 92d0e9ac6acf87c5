"""A real Kubernetes with Knative on this machine, without containers around it and without a registry.

Its programs are built from their Go modules (build.py, versions.py). plane.py is the control plane, which is enough to
have manifests admitted; node.py adds a node that runs pods, serving.py and eventing.py what makes Knative of it.
"""
