"""KafkaSources: events from their topics to the functions, with retries, dead letters and order, as Knative does.

consumer.py decides what becomes of an event, whatever the transport; each transport has a folder with its queue.
tools/cluster uses the same code for its stand-in of Knative's data plane.
"""
