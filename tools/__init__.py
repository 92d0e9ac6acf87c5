"""What only developers run: benches, generators, real servers, a cluster, images."""
