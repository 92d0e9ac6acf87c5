#!/bin/sh
# Writes release/kustomization.yaml: an overlay with the images of one release, by digest.
#   sh release-overlay.sh OVERLAY REGISTRY DIGEST-OF-API DIGEST-OF-MEDIA      (with yours in knative/overlays/OVERLAY)
set -eu
mkdir -p release
cat > release/kustomization.yaml <<END
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../knative/overlays/$1
images:
  - name: wadi/api
    newName: $2/api
    digest: $3
  - name: wadi/media
    newName: $2/media
    digest: $4
END
