"""Runs Wadi on one machine: what Kubernetes, Knative and Istio do in a cluster, from the same manifests.

gateway/    the HTTP server in front of all functions (istio/routes.yaml)
activator/  functions as processes, from zero and back (Services)
delivery/   events to functions (KafkaSources), from PostgreSQL or Kafka
cron/       events by the clock (PingSources)
postgres/   the embedded database
manifests/  reads knative/ and istio/
setup/      installs and removes

runner.py starts and stops all of it. It may import shared/ and events/, and never functions/: they run in processes of
their own.
"""
