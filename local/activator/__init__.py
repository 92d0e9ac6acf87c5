"""Functions as processes that run only while there is work: from zero, up to containerConcurrency, and back."""
