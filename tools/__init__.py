"""What only developers run; the product never imports it.

backends/  real servers for development and tests
bench/     measurements
cluster/   a real Kubernetes with Knative on this machine
generate/  files that are derived from the code
images/    the container images
release/   `./task release`
docs/      hooks of the documentation site
deploy.py  `./task deploy` with the kubectl and kn of cluster/
"""
