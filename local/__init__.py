"""Runs Wadi on one machine."""
