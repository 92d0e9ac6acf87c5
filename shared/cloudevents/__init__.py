"""CloudEvents 1.0 on the wire: reading an event from a request, and the HTTP and Kafka protocol bindings.

Only what the specification says belongs here: nothing about the outbox or about what an event means. It may import
events/, settings and errors.
"""
