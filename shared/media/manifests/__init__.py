"""HLS and DASH manifests of one set of CMAF segments: values in, text out."""
