"""What an operator sees of a process: its logs, metrics and traces.

Every metric is declared here, and only here. It may import settings, and nothing else of shared/.
"""
