"""CloudEvents 1.0 on the wire: reading one from a request, and the HTTP and Kafka protocol bindings that send one."""
